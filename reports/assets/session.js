// The page of one session, and the comparison of two.
function before(session) {
  const same = data.sessions.filter((other) => other.number < session.number && other.branch === session.branch && other.variant === session.variant);
  return same[same.length - 1];
}

function changes(base, target) {
  const found = {new: [], fixed: [], still: [], gone: [], added: [], skipped: [], message: []};
  const skip = data.marks.indexOf(data.markOf.get('skipped'));
  for (let test = 0; test < data.tests.length; test++) {
    const was = codeAt(test, base.number), is = codeAt(test, target.number);
    if (data.isBad[is] && data.isBad[was]) {
      found.still.push(test);
      if (clusterAt(test, base.number) !== clusterAt(test, target.number)) found.message.push(test);
    } else if (data.isBad[is] && data.isGood[was]) found.new.push(test);
    else if (data.isGood[is] && data.isBad[was]) found.fixed.push(test);
    else if (was && !is) found.gone.push(test);
    else if (!was && is) found.added.push(test);
    else if (is === skip && was && was !== skip) found.skipped.push(test);
  }
  return found;
}

function testList(title, tests, session, note) {
  const items = tests.slice(0, 50).map((test) => {
    const cluster = session ? clusterAt(test, session.number) : -1;
    return el('li', {}, testLink(test), cluster >= 0 && clusterLine(cluster));
  });
  return [el('h2', {}, `${title}: ${tests.length.toLocaleString('en')}`, note && el('small', {}, note)), tests.length ? el('ul', {class: 'plain'}, items) : null, tests.length > 50 && el('p', {class: 'more'}, `${tests.length - 50} more`)];
}

function changeLists(base, target) {
  const found = changes(base, target), partial = !target.whole || target.short;
  const lists = [
    ['New failures', found.new, target], ['Fixed', found.fixed], ['Still failing', found.still, target], ['Fail with another message', found.message, target], ['New tests', found.added],
    [partial ? 'Not run by the newer session' : 'Lost', found.gone, null, partial ? 'it ran only a part of the tests' : ''], ['Newly skipped', found.skipped],
  ];
  const empty = lists.filter((each) => !each[1].length).map((each) => each[0].toLowerCase());
  return [lists.filter((each) => each[1].length).map((each) => testList(...each)), empty.length ? el('p', {class: 'note'}, `None: ${empty.join(', ')}.`) : null];
}

function sessionPage(session) {
  const groups = new Map();
  for (let test = 0; test < data.tests.length; test++) {
    const cluster = clusterAt(test, session.number);
    if (cluster !== undefined) groups.set(cluster, [...(groups.get(cluster) || []), test]);
  }
  const base = before(session), slow = [];
  const facts = [['Started', [moment(session.at), ` UTC, ${age(session.at)}`]], ['Took', seconds(session.took)], ['Commit', session.commit && el('code', {}, session.commit)], ['Branch', session.branch], ['Variant', session.variant], ['CI', /^https?:/.test(session.link) && el('a', {href: session.link, rel: 'noreferrer'}, shorten(session.link, 120))]].filter((each) => each[1]);
  return page('session', `Session ${session.id}: ${session.state}`,
    el('p', {}, stateWord(session.state), '. ', countsOf(session.counts), '.', !session.whole && ' It ran only a part of the tests.'),
    el('dl', {}, facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])),
    [...groups].sort((a, b) => b[1].length - a[1].length).map(([cluster, tests]) => [
      el('h2', {}, counted(tests.length, 'test'), ' ', el('small', {}, clusterLine(cluster))),
      el('ul', {class: 'plain'}, tests.slice(0, 50).map((test) => el('li', {}, testLink(test)))),
      tests.length > 50 && el('p', {class: 'more'}, `${tests.length - 50} more`)]),
    base ? [el('h2', {class: 'part'}, 'Against the session before ', el('small', {}, sessionLink(base), ', ', el('a', {href: `#compare=${encodeURIComponent(base.id)}..${encodeURIComponent(session.id)}`}, 'compare'))), changeLists(base, session)] : el('p', {class: 'note'}, 'No earlier session of this branch and variant is in the report.'),
    slow, commands([`insight session show ${session.id}`, 'insight session rerun ' + session.id]));
}

function chooser(label, session, other, isBase) {
  const names = (one) => `${one.id}  ${one.at.slice(0, 16).replace('T', ' ')}  ${one.branch} ${shortHash(one.commit)}  ${one.state}`;
  const pick = (event) => { const ids = isBase ? [event.target.value, other.id] : [other.id, event.target.value]; location.hash = `compare=${ids.map(encodeURIComponent).join('..')}`; };
  return el('label', {}, `${label} `, el('select', {'aria-label': label, on: {change: pick}}, [...data.sessions].reverse().map((one) => el('option', {value: one.id, selected: one === session ? '' : null}, names(one)))));
}

function comparePage(base, target) {
  const found = changes(base, target);
  return page('compare', `${counted(found.new.length, 'new failure')}, ${found.fixed.length} fixed, ${found.still.length} still failing`,
    el('div', {class: 'tools'}, chooser('Base', base, target, true), chooser('Target', target, base, false)),
    el('p', {}, 'From ', sessionLink(base), ' to ', sessionLink(target), base.variant !== target.variant && '; they are of different variants', '.'),
    changeLists(base, target), commands([`insight session compare --base ${base.id} --target ${target.id}`]));
}
