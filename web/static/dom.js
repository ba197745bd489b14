// Making elements. Text from documents only ever goes in as text, never as markup.

/** el('p.note', {title: 'x'}, 'text', child) makes an element. */
export function el(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split('.');
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(' ');
  for (const [k, v] of Object.entries(attributes)) {
    if (v === undefined || v === null || v === false) continue;
    if (k.startsWith('on')) node.addEventListener(k.slice(2), v);
    else node.setAttribute(k, v === true ? '' : v);
  }
  node.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

const svgSpace = 'http://www.w3.org/2000/svg';

/** The same for SVG. */
export function svg(tag, attributes = {}) {
  const node = document.createElementNS(svgSpace, tag);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  return node;
}

export const byId = (id) => document.getElementById(id);

export function bytes(n) {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) [n, i] = [n / 1000, i + 1];
  return `${i && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

export function when(time) {
  const date = new Date(time);
  const today = new Date().toDateString() === date.toDateString();
  return today ? date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }) : date.toLocaleDateString();
}

export const count = (n, one) => `${n.toLocaleString()} ${one}${n === 1 ? '' : 's'}`;

/** The state as a coloured word. */
export function state(name, note = name) {
  return el(`span.state.${name}`, { title: stateNotes[name] }, note);
}

export const stateNotes = {
  received: 'Waiting to be looked at', ingesting: 'Pages are being drawn', running: 'Pages are being read',
  complete: 'All pages were read or are blank', partial: 'Some pages could not be read', failed: 'Nothing could be read',
  cancelled: 'Ended by hand', queued: 'Waiting', waiting: 'Waiting until its regions are found', done: 'Read', blank: 'Nothing stands on it', unreadable: 'The model could make nothing of it',
};
export const final = (s) => ['complete', 'partial', 'failed', 'cancelled'].includes(s);
export const finalPage = (s) => ['done', 'blank', 'unreadable', 'failed', 'cancelled'].includes(s);
