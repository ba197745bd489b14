// The list of documents, newest first. Those that are not at their end are followed.

import { byId, count, el, final, state, stateNotes, when } from './dom.js';
import { get } from './http.js';

const refreshTime = 1500; // between looks at a document that is being worked on

export function documentList({ say }) {
  const box = byId('documents');
  const more = byId('more');
  const rows = new Map(); // id -> {doc, link}
  let current = '';
  let next = '';

  function put(doc) {
    const known = rows.get(doc.id);
    const link = known?.link || el('a.document', { href: `#/${doc.id}` });
    fill(link, doc);
    rows.set(doc.id, { doc, link });
    if (!known) {
      const item = el('li', {}, link);
      // New documents have larger ids than all older ones.
      const after = [...rows.values()].filter((r) => r.doc.id < doc.id && r.link.parentNode?.parentNode === box);
      const below = after.sort((a, b) => (a.doc.id < b.doc.id ? 1 : -1))[0];
      box.insertBefore(item, below ? below.link.parentNode : null);
    }
    mark(current);
    byId('documents-title').hidden = rows.size === 0;
  }

  function fill(link, doc) {
    const { progress } = doc;
    const finished = Math.max(0, Object.entries(progress.states || {}).reduce((n, [k, v]) => n + (k === 'waiting' || k === 'queued' || k === 'running' ? 0 : v), 0));
    const pages = doc.pages ? count(doc.pages, 'page') : '';
    link.replaceChildren(
      el('span.title', { title: doc.name }, doc.name),
      el('span.line', {}, state(doc.state), el('span', {}, [pages, when(doc.created)].filter(Boolean).join(' · '))));
    if (!final(doc.state)) {
      const bar = el('progress', { 'aria-label': `${doc.name}: ${stateNotes[doc.state]}`, max: Math.max(1, progress.total) });
      if (progress.total) bar.value = finished;
      link.append(bar);
    }
    if (doc.failure) link.title = doc.failure.message;
  }

  function mark(id) {
    current = id;
    for (const [key, { link }] of rows) key === id ? link.setAttribute('aria-current', 'true') : link.removeAttribute('aria-current');
  }

  async function load() {
    try {
      const answer = await get(`/v1/documents?limit=50${next ? `&after=${next}` : ''}`);
      answer.documents.forEach(put);
      next = answer.next || '';
      more.hidden = !next;
      byId('documents-title').hidden = rows.size === 0;
    } catch (problem) {
      say(problem.message, true);
    }
  }
  more.addEventListener('click', load);

  async function refresh() {
    const busy = [...rows.values()].filter(({ doc }) => !final(doc.state)).slice(0, 20);
    for (const { doc } of busy) {
      if (document.hidden) break;
      try {
        put(await get(`/v1/documents/${doc.id}`));
        say('');
      } catch (problem) {
        if (problem.status === 0) say(problem.message, true);
      }
    }
    setTimeout(refresh, refreshTime);
  }
  setTimeout(refresh, refreshTime);

  return { put, mark, load };
}
