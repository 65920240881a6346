// Addresses, search and keys.
function showPage(shown, title) {
  for (const each of document.querySelectorAll('.page')) each.classList.toggle('shown', each === shown);
  for (const link of byId('nav').querySelectorAll('a')) {
    if (link.getAttribute('href') === `#${shown.id}`) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
  }
  document.title = `${data ? data.sut : ''}: ${title || shown.querySelector('h1').textContent}`;
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

const named = (id) => { const found = data.sessions.filter((session) => session.id.startsWith(id)); return found.length === 1 || (found[0] && found[0].id === id) ? found[0] : data.sessionOf.get(id); };

const ROUTES = {
  t: (id) => (data.numberOf.has(id) ? testPage(data.numberOf.get(id)) : unknown(`Test ${shorten(id, 200)}`)),
  s: (id) => (named(id) ? sessionPage(named(id)) : unknown(`Session ${shorten(id, 80)}`)),
  c: (key) => byId(`c-${key}`) || unknown(`Failure ${shorten(key, 80)}`),
  since: (commit) => [...document.querySelectorAll('.group')].find((each) => commit && each.id.startsWith(`since-${shortHash(commit)}`)) || unknown(`Since ${shorten(commit, 80)}`),
  compare: (ids) => {
    const [base, target] = ids.split('..').map((id) => named(id));
    return base && target ? comparePage(base, target) : unknown(`Comparison ${shorten(ids, 80)}`);
  },
};

function comparing() {
  const target = data.sessions[data.count - 1], base = target && (before(target) || data.sessions[data.count - 2]);
  return base ? comparePage(base, target) : page('compare', 'There are no two sessions to compare');
}

function route(focus) {
  const hash = location.hash.slice(1), [, name, value] = /^(t|s|c|since|compare)=(.*)$/s.exec(hash) || [];
  let target, after = null;
  if (name && data) target = ROUTES[name](decoded(value));
  else if (/^tests(\?|$)/.test(hash) && data) [target, after] = testsPage(hash.split('?')[1]);
  else if (hash === 'compare' && data) target = comparing();
  else target = byId(decoded(hash)) || byId('overview');
  const within = target.closest('.page') || byId('overview');
  showPage(within);
  if (after) after();
  for (const each of document.querySelectorAll('.now')) each.classList.remove('now');
  if (target === within) scrollTo(0, 0);
  else {
    for (let each = target; each; each = each.parentElement) if (each.tagName === 'DETAILS') each.open = true;
    const details = target.querySelector('details');
    if (details && target.classList.contains('cluster')) details.open = true;
    target.classList.add('now');
    target.scrollIntoView({block: 'start'});
  }
  if (!focus) return;
  const focused = target === within ? within.querySelector('h1') : target;
  focused.tabIndex = -1;
  focused.focus({preventScroll: true});
}

function addLinks() {
  for (const link of document.querySelectorAll('a[data-t]')) link.setAttribute('href', `#t=${encodeURIComponent(data.tests[link.dataset.t])}`);
  for (const link of document.querySelectorAll('a.hash')) if (data.sessionOf.has(link.textContent)) link.setAttribute('href', `#s=${encodeURIComponent(link.textContent)}`);
  for (const each of document.querySelectorAll('.newest time')) {
    const told = age(each.dateTime), next = each.nextSibling;
    if (told && next && next.data.startsWith(' UTC')) next.splitText(4).before(`, ${told}`);
  }
}

function addTools() {
  const nav = byId('nav');
  nav.firstElementChild.after(el('a', {href: '#tests'}, 'Tests ', el('span', {class: 'n'}, data.tests.length.toLocaleString('en'))));
  nav.append(el('a', {href: '#compare'}, 'Compare'));
  const search = el('input', {id: 'find', type: 'search', placeholder: 'Find a test   /', 'aria-label': 'Find a test', autocomplete: 'off'});
  const go = () => { history.replaceState(null, '', `#tests?q=${encodeURIComponent(search.value)}`); route(false); };
  search.addEventListener('input', () => { if (!location.hash.startsWith('#tests')) history.pushState(null, '', '#tests'); go(); });
  search.addEventListener('keydown', (event) => { if (event.key === 'Enter') { const first = listed && listed.querySelector('a.name'); if (first) location.hash = first.getAttribute('href'); } });
  nav.append(search);
  byId('keys').textContent = 'Keys: / find, j and k rows, Enter opens, Esc back.';
}

function steps() {
  const shown = document.querySelector('.page.shown');
  return shown ? [...shown.querySelectorAll('a[href].name, .sessions th a[href], .cluster summary')].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top) : [];
}

function step(by) {
  const all = steps(), at = all.indexOf(document.activeElement);
  const next = at >= 0 ? all[at + by] : all.find((each) => each.getBoundingClientRect().top >= 0);
  if (next) { next.focus(); next.scrollIntoView({block: 'nearest'}); }
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === 'Escape') { if (typing) event.target.blur(); else if (location.hash && location.hash !== '#overview') history.back(); return; }
  if (typing) return;
  if (event.key === '/') { const find = byId('find'); if (find) { event.preventDefault(); find.focus(); find.select(); } }
  else if (event.key === 'j' || event.key === 'k') { event.preventDefault(); step(event.key === 'j' ? 1 : -1); }
}

async function start() {
  document.documentElement.classList.add('js');
  route(false);
  addEventListener('hashchange', () => route(true));
  addEventListener('keydown', press);
  addEventListener('beforeprint', () => { for (const each of document.querySelectorAll('.cluster details')) each.open = true; });
  try {
    data = await readData();
  } catch (error) {
    byId('keys').textContent = `The table of all tests and the search need a newer browser (${error.message}).`;
    return;
  }
  rankAll();
  data.tests.forEach((_, test) => folderOf(test));
  addLinks();
  addTools();
  if (location.hash) route(true); else showPage(document.querySelector('.page.shown'));
  performance.mark('ready');
  document.documentElement.dataset.ready = 'yes';
}

start();
