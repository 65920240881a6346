// All tests: search, filters, and rows that exist only while they are seen.
const ROW = 30, OPEN = new Set();
let rows = [], listed = null, room = 60, greyed = [];

const KINDS = {
  all: ['all tests', () => true],
  broken: ['broken', (test) => data.broken.has(test)],
  failed: ['failed once', (test) => failedOnce[test] === 1],
  flaky: ['flaky', (test) => data.flaky.has(test)],
  slower: ['slower', (test) => data.slower.has(test)],
};
const GOOD = 4, ODD = 3;
let ranks = null, failedOnce = null;

function rankAll() {
  const {results, count, tests} = data, odd = new Uint8Array(256), bad = new Uint8Array(256);
  data.marks.forEach((mark, code) => { if (mark) { bad[code] = mark.kind === 'bad' ? 1 : 0; odd[code] = mark.kind === 'good' || mark.word === 'skipped' ? 0 : 1; } });
  ranks = new Uint8Array(tests.length).fill(GOOD);
  failedOnce = new Uint8Array(tests.length);
  for (let test = 0, at = 0; test < tests.length; test++) {
    for (let session = 0; session < count; session++, at++) {
      const code = results[at];
      if (odd[code]) ranks[test] = ODD;
      if (bad[code]) failedOnce[test] = 1;
    }
  }
  for (const test of data.slower) ranks[test] = 2;
  for (const test of data.flaky) ranks[test] = 1;
  for (const test of data.broken) ranks[test] = 0;
}

function matching(text, kind) {
  const lower = data.lower, fits = KINDS[kind][1];
  let found = [];
  for (let test = 0; test < lower.length; test++) if (fits(test)) found.push(test);
  for (const word of text.toLowerCase().split(/\s+/)) {
    if (!word) continue;
    const kept = [];
    for (const test of found) if (lower[test].includes(word)) kept.push(test);
    found = kept;
  }
  return found;
}

const folders = new Map();

// Worked out once, when the data is read.
function folderOf(test) {
  if (!folders.has(test)) {
    const file = splitId(data.tests[test])[1] || data.tests[test], at = file.lastIndexOf('/');
    folders.set(test, at < 0 ? '' : file.slice(0, at));
  }
  return folders.get(test);
}

function arrange(found, fold) {
  const byFolder = new Map();
  for (const test of found) {
    const folder = folderOf(test), known = byFolder.get(folder);
    if (known) known[ranks[test]].push(test);
    else {
      const lists = [[], [], [], [], []];
      lists[ranks[test]].push(test);
      byFolder.set(folder, lists);
    }
  }
  const groups = [...byFolder].map(([folder, lists]) => ({folder, lists, best: lists.findIndex((list) => list.length), broken: lists[0].length})).sort((a, b) => a.best - b.best || b.broken - a.broken || (a.folder < b.folder ? -1 : 1));
  const made = [];
  for (const {folder, lists, broken} of groups) {
    made.push({folder, tests: lists.reduce((sum, list) => sum + list.length, 0), broken});
    const good = lists[GOOD].length, folded = fold && good > 3 && !OPEN.has(folder);
    for (const list of folded ? lists.slice(0, GOOD) : lists) for (const test of list) made.push({test});
    if (folded) made.push({good, of: folder});
  }
  return made;
}

function rowOf(row, at) {
  const place = {class: 'row', 'data-at': at};
  let made;
  if (row.test !== undefined) {
    const id = data.tests[row.test], [name, file] = splitId(id);
    made = el('div', place, el('a', {class: 'name', href: `#t=${encodeURIComponent(id)}`, title: shorten(id, 300)}, shorten(name, 200), file && el('span', {class: 'file'}, file.slice(file.lastIndexOf('/') + 1))),
      strip(data.columns.slice(-room).map((session) => codeAt(row.test, session.number)), Math.min(room, data.columns.length), greyed));
  } else if (row.good !== undefined) {
    made = el('div', {...place, class: 'row folder'}, el('button', {type: 'button', on: {click: () => { OPEN.add(row.of); refresh(); }}}, `${counted(row.good, 'test')} good throughout: show`));
  } else {
    made = el('div', {...place, class: 'row folder'}, el('b', {class: 'where'}, row.folder || 'top folder'), el('span', {}, `${counted(row.tests, 'test')}${row.broken ? `, ${row.broken} broken` : ''}`));
  }
  made.style.top = `${at * ROW}px`;
  return made;
}

function paint() {
  if (!listed || !listed.isConnected || !listed.offsetParent) return;
  const top = -listed.getBoundingClientRect().top;
  const first = Math.max(Math.floor(top / ROW) - 10, 0), last = Math.min(Math.ceil((top + innerHeight) / ROW) + 10, rows.length);
  const kept = new Map([...listed.children].map((child) => [Number(child.dataset.at), child]));
  for (const [at, child] of kept) if ((at < first || at >= last) && !child.contains(document.activeElement)) child.remove();
  for (let at = first; at < last; at++) {
    const known = kept.get(at);
    if (known && known.row === rows[at]) continue;
    const made = rowOf(rows[at], at);
    made.row = rows[at];
    if (known) known.replaceWith(made); else listed.append(made);
  }
}

function refresh() {
  const text = byId('test-text').value, kind = byId('test-kind').value;
  const start = performance.now(), found = matching(text, kind);
  rows = arrange(found, !text && kind === 'all');
  performance.measure('search', {start});
  room = Math.max(Math.min(Math.floor((listed.clientWidth || innerWidth) * (innerWidth > 760 ? 0.55 : 0.4) / CELL), data.columns.length, 120), 1);
  listed.style.height = `${rows.length * ROW}px`;
  listed.replaceChildren();
  byId('test-count').textContent = `${counted(found.length, 'test')}${found.length < data.tests.length ? ` of ${data.tests.length.toLocaleString('en')}` : ''}`;
  const shown = data.columns.slice(-room);
  greyed = shown.flatMap((session, at) => (data.outages.has(session.number) ? [at] : []));
  byId('columns').replaceChildren(...(shown.length ? [el('span', {}, `${counted(shown.length, 'session')}${data.branches.length ? ` of ${data.branches.join(', ')}` : ''}, newest on the right; marks of their states:`), strip(shown.map((session) => data.marks.indexOf(data.markOf.get(session.mark))), shown.length, greyed)] : []));
  const outages = shown.filter((session) => data.outages.has(session.number)).reverse();
  byId('grid-outages').replaceChildren();
  if (outages.length) fill(byId('grid-outages'), [`Between grey lines, ${outages.length > 1 ? 'outages' : 'an outage'} in which nearly everything failed: `, outages.slice(0, 5).flatMap((session, at) => [at ? ', ' : '', sessionLink(session)]), outages.length > 5 && ` and ${outages.length - 5} more`, '.']);
  paint();
}

function testsPage(query) {
  const asked = new URLSearchParams(query || '');
  if (!byId('tests')) {
    const search = el('input', {id: 'test-text', type: 'search', placeholder: 'part of a node id', 'aria-label': 'Part of a node id', on: {input: refresh}});
    const kind = el('select', {id: 'test-kind', 'aria-label': 'Which tests', on: {change: refresh}}, Object.entries(KINDS).map(([name, [label]]) => el('option', {value: name}, label)));
    listed = el('div', {class: 'list', id: 'rows'});
    page('tests', `${counted(data.tests.length, 'test')} in ${counted(data.count, 'session')}: ${data.broken.size} broken, ${data.flaky.size} flaky`,
      el('div', {class: 'tools'}, search, kind, el('span', {id: 'test-count', role: 'status', class: 'note'})), el('div', {id: 'columns', class: 'head'}), el('p', {id: 'grid-outages', class: 'note head-note'}), listed);
    addEventListener('scroll', () => requestAnimationFrame(paint), {passive: true});
    addEventListener('resize', () => { if (listed.offsetParent) refresh(); });
  }
  if (asked.has('q')) byId('test-text').value = asked.get('q');
  if (KINDS[asked.get('show')]) byId('test-kind').value = asked.get('show');
  return [byId('tests'), refresh];
}
