// Pieces that several pages have.
const testLink = (test, cls) => {
  const [name, path] = splitId(data.tests[test]);
  return [el('a', {class: cls || 'name', href: `#t=${encodeURIComponent(data.tests[test])}`, title: shorten(data.tests[test], 300)}, shorten(name, 300)), path && el('span', {class: 'path'}, shorten(path, 300))];
};
const sessionLink = (session) => el('a', {class: 'hash', href: `#s=${encodeURIComponent(session.id)}`}, session.id);
const stateWord = (state) => el('b', {class: `state-${state.replaceAll(' ', '-')}`}, state);

function countsOf(counts) {
  const parts = Object.entries(counts).map(([word, count]) => el('span', {class: `c-${word.replaceAll(' ', '-')}`}, `${count.toLocaleString('en')} ${shorten(word, 40)}`));
  return parts.flatMap((part, at) => (at ? [', ', part] : [part]));
}

function path(word, d) {
  return draw('path', {class: `m-${word}`, fill: data.markOf.get(word).color, 'fill-rule': 'evenodd', d});
}

function strip(codes, room, greyed = []) {
  const places = new Map();
  const first = room - codes.length;
  codes.forEach((code, at) => { if (code) places.set(code, `${places.get(code) || ''}M${(first + at) * CELL} 0${data.marks[code].path}`); });
  const made = draw('svg', {class: 'strip', role: 'img', viewBox: `0 0 ${room * CELL} ${HIGH}`, width: room * CELL, height: HIGH, preserveAspectRatio: 'xMaxYMid slice', 'aria-label': wordsOf(codes)});
  if (greyed.length) made.append(draw('path', {class: 'm-outage', fill: '#6e7681', d: greyed.map((at) => `M${(first + at) * CELL} 0h7v1.5h-7zm0 18.5h7v1.5h-7z`).join('')}));
  for (const [code, d] of places) made.append(path(data.marks[code].word, d));
  return made;
}

function wordsOf(codes) {
  const ran = codes.filter(Boolean);
  let failing = 0;
  while (failing < ran.length && data.isBad[ran[ran.length - 1 - failing]]) failing++;
  const counts = data.marks.map((mark, code) => mark && [mark.word.replace('_', ' '), ran.filter((each) => each === code).length]).filter((each) => each && each[1]);
  const since = failing ? `failing since ${failing} of ${ran.length} runs` : `${ran.length} runs`;
  return ran.length ? `${since}: ${counts.map(([word, count]) => `${word} ${count}`).join(', ')}` : 'no run';
}

function markOf(word) {
  return draw('svg', {class: 'mark', width: 7, height: 20, 'aria-hidden': 'true'}, path(word, data.markOf.get(word).path));
}

function clusterLine(number) {
  const [key, message] = data.clusters[number];
  return byId(`c-${key}`) ? el('a', {class: 'message', href: `#c=${key}`}, shorten(message, 300)) : el('span', {class: 'message'}, shorten(message, 300));
}

function traceback(number, title) {
  const text = data.clusters[number][2];
  if (text === null) return el('p', {class: 'left-out'}, 'Its text was left out to keep the page small.');
  return text ? el('details', {open: ''}, el('summary', {}, title), el('pre', {tabindex: '0'}, text)) : null;
}

function commands(lines) {
  return [el('h2', {}, 'Commands'), el('ul', {class: 'commands'}, lines.map((line) => el('li', {}, el('code', {}, line))))];
}

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

function page(id, title, ...parts) {
  const made = byId(id) || byId('main').appendChild(el('section', {class: 'page script', id}));
  made.setAttribute('aria-labelledby', `${id}-h`);
  made.replaceChildren();
  return fill(made, [el('h1', {id: `${id}-h`, tabindex: '-1'}, title), ...parts]);
}

function unknown(what) {
  return page('missing', `${what} is not in this report`, el('p', {}, 'It may be older than its sessions, of another system, or misspelt. ', el('a', {href: '#tests'}, 'All tests'), ', ', el('a', {href: '#sessions'}, 'sessions'), '.'));
}
