// The page of one test.
function testPage(test) {
  const id = data.tests[test], [name, file] = splitId(id);
  const all = runsOf(test, data.sessions), ran = runsOf(test, data.columns).slice(-60);
  const last = all[all.length - 1];
  const failed = all.filter((session) => clusterAt(test, session.number) !== undefined);
  const newest = failed.length ? clusterAt(test, failed[failed.length - 1].number) : undefined;
  const facts = data.facts[test] || [];
  const bad = all.filter((session) => data.isBad[codeAt(test, session.number)]).length;
  const verdict = !last ? 'No run in these sessions' : facts[0] || `${data.marks[codeAt(test, last.number)].word.replace('_', ' ')} in its last run; ${bad} of ${counted(all.length, 'run')} bad`;
  return page('test', shorten(name, 300),
    file && el('p', {class: 'path'}, shorten(file, 300)),
    el('p', {class: 'verdict'}, el('b', {}, verdict)),
    facts.length > 1 && el('ul', {class: 'facts'}, facts.slice(1).map((line) => el('li', {}, line))),
    strips(test, ran),
    el('p', {class: 'note'}, wordsOf(all.map((session) => codeAt(test, session.number))), '.'),
    durationChart(test, all),
    newest !== undefined && el('h2', {}, 'Newest failure'), newest !== undefined && clusterLine(newest),
    newest !== undefined && traceback(newest, 'Traceback of the newest failure that says so'),
    el('h2', {}, 'Runs'), runTable(test, all),
    commands([`insight test show ${quoted(id)}`, `pytest ${quoted(id)}`]));
}

function strips(test, ran) {
  const variants = new Map();
  for (const session of ran) variants.set(session.variant, [...(variants.get(session.variant) || []), session]);
  const room = Math.max(...[...variants.values()].map((own) => own.length), 1);
  return [...variants].sort().map(([variant, own]) => el('div', {class: 'by-variant'}, strip(own.map((session) => codeAt(test, session.number)), room), variants.size > 1 && el('span', {class: 'path'}, variant)));
}

function runTable(test, all) {
  const taken = durationsOf(test), shown = all.slice(-100).reverse();
  const body = shown.map((session) => {
    const mark = data.marks[codeAt(test, session.number)], cluster = clusterAt(test, session.number), took = taken[session.number];
    return el('tr', {}, el('th', {scope: 'row'}, markOf(mark.word), ' ', mark.word.replace('_', ' ')), el('td', {}, sessionLink(session)), el('td', {}, el('code', {class: 'hash'}, shortHash(session.commit))),
      el('td', {}, moment(session.at)), el('td', {}, session.branch, session.variant && el('span', {class: 'path'}, session.variant)), el('td', {}, cluster !== undefined && clusterLine(cluster)), el('td', {class: 'r'}, took === null ? '' : `≈ ${seconds(took)}`));
  });
  const heads = ['Result', 'Session', 'Commit', 'Started (UTC)', 'Branch and variant', 'What it says'].map((word) => el('th', {scope: 'col'}, word));
  return [el('table', {class: 'figures'}, el('thead', {}, el('tr', {}, heads, el('th', {scope: 'col', class: 'r'}, 'Time'))), el('tbody', {}, body)),
    all.length > shown.length && el('p', {class: 'more'}, `${all.length - shown.length} earlier runs; insight test history lists all`)];
}

function durationChart(test, all) {
  const taken = durationsOf(test), points = all.filter((session) => taken[session.number] !== null).map((session) => taken[session.number]);
  if (points.length < 3) return null;
  const wide = Math.max(points.length * CELL, 200), most = Math.max(...points), y = (value) => 4 + 72 * (1 - value / most);
  const middle = [...points].sort((a, b) => a - b)[points.length >> 1];
  const made = draw('svg', {class: 'chart', role: 'img', viewBox: `0 0 ${wide + 70} 84`, width: wide + 70, height: 84, 'aria-label': `Durations of ${points.length} runs: median ${seconds(middle)}, longest ${seconds(most)}`});
  made.append(draw('line', {class: 'median', x1: 0, x2: wide, y1: y(middle), y2: y(middle), stroke: '#57606a', 'stroke-dasharray': '4 3'}));
  const since = data.shifts[test] && all.findIndex((session) => session.id === data.shifts[test][0]);
  if (since > 0) made.append(draw('line', {class: 'level', x1: since * CELL, x2: since * CELL, y1: 0, y2: 80, stroke: '#b2182b'}));
  points.forEach((value, at) => made.append(draw('circle', {class: 'dot', fill: '#4d8f7c', r: 2.6, cx: at * CELL + 3.5, cy: y(value)})));
  for (const [value, at] of [[most, 12], [0, 80]]) made.append(draw('text', {class: 'scale', fill: '#57606a', 'font-size': 12, x: wide + 6, y: at}, seconds(value)));
  return [el('h2', {}, 'Durations ', el('small', {}, `median ${seconds(middle)}, longest ${seconds(most)}${since > 0 ? `; level changed: ${seconds(data.shifts[test][1])} before, ${seconds(data.shifts[test][2])} after` : ''}`)), el('div', {class: 'wide'}, made)];
}
