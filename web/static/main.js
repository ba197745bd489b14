// The page's start: the list of documents, the address (#/ID/PAGE), and what is shown.

import { byId, el } from './dom.js';
import { documentList } from './list.js';
import { setUpDrop } from './drop.js';
import { openDocument } from './document.js';

const view = byId('view');
let shown = null; // what is open, with close() and show(page)

function say(text, bad = false) {
  const status = byId('status');
  status.textContent = text;
  status.classList.toggle('bad', bad);
}

const list = documentList({ say });

function welcome() {
  document.title = 'Palimpsest';
  view.replaceChildren(el('div.welcome', {},
    el('h1', {}, 'Scans in, words out'),
    el('p', {}, 'Drop PDFs or pictures of pages anywhere on this window. Each page appears as soon as it is read, with every word boxed over the image.'),
    el('p.quiet-text', {}, 'Files stay on this machine.')));
}

function route() {
  const [, id, page] = location.hash.match(/^#\/([0-9a-f-]{36})(?:\/(\d+))?$/) || [];
  list.mark(id);
  if (!id) {
    shown?.close();
    shown = null;
    welcome();
    return;
  }
  const number = Number(page || 1);
  if (shown?.id === id) {
    shown.show(number);
    return;
  }
  shown?.close();
  shown = openDocument(view, id, number, { say, changed: list.put });
}

async function start() {
  addEventListener('hashchange', route);
  setUpDrop({
    say,
    submitted: (doc, first) => {
      list.put(doc);
      if (first) location.hash = `#/${doc.id}`;
    },
  });
  route();
  await list.load();
}

start();
