// Elements are made one by one and texts are set as texts, so that nothing recorded is ever read as markup.
const SVG = 'http://www.w3.org/2000/svg';
const CELL = 7, HIGH = 20;

function fill(made, parts) {
  for (const part of parts.flat(Infinity)) {
    if (part !== null && part !== undefined && part !== false && part !== '') {
      made.append(part instanceof Node ? part : document.createTextNode(String(part)));
    }
  }
  return made;
}

function set(made, names) {
  for (const [name, value] of Object.entries(names || {})) {
    if (name === 'on') for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  return made;
}

const el = (tag, names, ...parts) => fill(set(document.createElement(tag), names), parts);
const draw = (tag, names, ...parts) => fill(set(document.createElementNS(SVG, tag), names), parts);
const byId = (id) => document.getElementById(id);
const counted = (count, noun) => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
const shortHash = (commit) => commit.slice(0, 9);

function shorten(text, limit) {
  if (text.length <= limit) return text;
  const half = limit >> 1;
  const left = (text.length - 2 * half).toLocaleString('en');
  return `${text.slice(0, half)} ... ${left} characters left out ... ${text.slice(-half)}`;
}

function splitId(id) {
  const at = id.indexOf('::');
  return at < 0 ? [id, ''] : [id.slice(at + 2), id.slice(0, at)];
}

function seconds(value) {
  if (value >= 60) {
    const minutes = Math.floor(Math.round(value) / 60), rest = Math.round(value) % 60;
    return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes} min ${rest} s`;
  }
  if (!value) return '0 ms';
  if (value >= 1) return `${Number(value.toPrecision(3))} s`;
  return value >= 0.001 ? `${Number((value * 1000).toPrecision(3))} ms` : `${(value * 1000).toFixed(1)} ms`;
}

const moment = (at) => el('time', {datetime: at}, `${at.slice(0, 10)} ${at.slice(11, 16)}`);

function age(at) {
  const hours = (Date.now() - Date.parse(at)) / 3600000;
  if (!(hours >= 0)) return '';
  if (hours < 1) return `${Math.round(hours * 60)} min ago`;
  return hours < 48 ? `${Math.round(hours)} h ago` : `${Math.round(hours / 24)} d ago`;
}
