// Keeps an open page up to date: one stream of changes for all visible tabs, and the page again after a change.
'use strict';
(() => {
  const root = document.documentElement, body = () => document.body;
  const channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel('insight-dashboard') : null;
  let source = null, letGo = null, busy = false, due = false;

  const nameOf = (each) => (each.id ? `#${each.id}` : `${each.tagName} ${each.getAttribute('href') || each.getAttribute('name') || ''} ${(each.closest('[id]') || root).id}`);
  const all = (what) => [...document.querySelectorAll(what)];
  const isBusy = () => !getSelection().isCollapsed || (document.activeElement || root).tagName === 'SELECT';

  function swap(text) {
    const made = new DOMParser().parseFromString(text, 'text/html');
    const open = new Map(all('details').map((each) => [nameOf(each) + each.textContent.slice(0, 80), each.open]));
    const typed = new Map(all('input,select').filter((each) => each.value !== each.defaultValue).map((each) => [nameOf(each), each.value]));
    const focused = document.activeElement && document.activeElement !== body() ? nameOf(document.activeElement) : '', at = [scrollX, scrollY];
    const caret = document.activeElement && document.activeElement.selectionStart;
    body().replaceChildren(...made.body.childNodes);
    root.dataset.tag = made.documentElement.dataset.tag;
    document.title = made.title;
    tellKeys();
    for (const each of all('details')) if (open.has(nameOf(each) + each.textContent.slice(0, 80))) each.open = open.get(nameOf(each) + each.textContent.slice(0, 80));
    for (const each of all('input')) if (typed.has(nameOf(each))) each.value = typed.get(nameOf(each));
    const again = focused && all('a,button,input,select,summary,pre,[tabindex]').find((each) => nameOf(each) === focused);
    if (again) { again.focus({preventScroll: true}); if (typeof caret === 'number') again.setSelectionRange(caret, caret); }
    scrollTo(...at);
    root.dataset.swaps = Number(root.dataset.swaps || 0) + 1;
  }

  function say(text) {
    const there = document.querySelector('.away');
    if (there) there.remove();
    if (text) { const made = document.createElement('p'); made.className = 'away'; made.setAttribute('role', 'status'); made.textContent = text; body().append(made); }
  }

  async function refresh() {
    if (busy || document.hidden || isBusy()) { due = true; return; }
    busy = true; due = false;
    try {
      const answer = await fetch(location.href, {headers: {'If-None-Match': root.dataset.tag}, cache: 'no-store'});
      if (answer.status === 401 || answer.status === 403) say(root.dataset.refused);
      else if (answer.status !== 304) { const text = await answer.text(); if (isBusy()) due = true; else swap(text); }
    } catch { say(root.dataset.gone); }
    busy = false;
    if (due && !isBusy()) refresh();
  }

  function hear(position) { if (!root.dataset.tag.startsWith(`"${position}-`)) refresh(); }

  function listen() {
    source = new EventSource('/events');
    source.addEventListener('rev', (event) => { hear(event.data); if (channel) channel.postMessage(event.data); });
    source.onopen = () => say('');
    source.onerror = () => say(root.dataset.gone);
  }

  // The visible tab that has the lock listens; it tells the others. A hidden tab neither waits nor listens.
  function begin() {
    if (source || letGo) return;
    if (!channel || !navigator.locks) { listen(); return; }
    const stop = new AbortController();
    letGo = () => stop.abort();
    navigator.locks.request('insight-dashboard', {signal: stop.signal}, () => new Promise((done) => { listen(); letGo = done; })).catch(() => {});
  }

  function end() {
    if (source) source.close();
    if (letGo) letGo();
    source = letGo = null;
  }

  if (channel) channel.onmessage = (event) => hear(event.data);
  document.addEventListener('visibilitychange', () => { if (document.hidden) end(); else { begin(); refresh(); } });
  for (const name of ['selectionchange', 'focusout']) document.addEventListener(name, () => { if (due) setTimeout(refresh); });
  addEventListener('pagehide', end);
  addEventListener('pageshow', () => { if (!document.hidden) begin(); });

  function step(by) {
    const rows = all('main a[href].name, .sessions th a[href], .cluster summary').map((each) => [each.getBoundingClientRect().top, each]).sort((a, b) => a[0] - b[0]);
    const at = rows.findIndex(([, each]) => each === document.activeElement);
    const next = at >= 0 ? rows[at + by] : rows.find(([top]) => top >= 0);
    if (next) { next[1].focus(); next[1].scrollIntoView({block: 'nearest'}); }
  }

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT)$/.test(event.target.tagName), find = document.getElementById('find');
    if (event.key === 'Escape') { if (typing) event.target.blur(); else if (history.length > 1) history.back(); return; }
    if (typing) return;
    if (event.key === '/' && find) { event.preventDefault(); find.focus(); find.select(); }
    else if (event.key === 'j' || event.key === 'k') { event.preventDefault(); step(event.key === 'j' ? 1 : -1); }
  });

  function tellKeys() { const place = document.getElementById('keys'); if (place) place.textContent = 'Keys: / find, j and k rows, Enter opens, Esc back.'; }
  tellKeys();
})();
