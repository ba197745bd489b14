// One document: its state as it changes, its pages, and the page that is open.

import { bytes, count, el, final, finalPage, state } from './dom.js';
import { all, get, post } from './http.js';
import { openPage } from './page.js';

const settleTime = 250; // events come in bursts; one look answers many

export function openDocument(view, id, first, { say, changed }) {
  const base = `/v1/documents/${id}`;
  const head = el('div.head');
  const notices = el('div');
  const strip = el('nav.pages', { 'aria-label': 'Pages' });
  const work = el('div.work');
  view.replaceChildren(head, notices, strip, work);
  let doc = null;
  let number = first;
  let page = null; // the open page's view
  const pages = new Map(); // number -> page as the server tells it
  let timer = 0;
  let closed = false;

  const events = new EventSource(`${base}/events`);
  const soon = () => { timer ||= setTimeout(() => { timer = 0; refresh(); }, settleTime); };
  events.onmessage = soon;
  events.addEventListener('end', () => { events.close(); soon(); });

  async function refresh() {
    try {
      doc = await get(base);
      await all(`${base}/pages?limit=1000`, 'pages', (list) => list.forEach((p) => pages.set(p.number, p)));
    } catch (problem) {
      if (closed) return;
      if (!doc) {
        events.close();
        view.replaceChildren(el('div.welcome', {}, el('h1', {}, problem.status === 404 ? 'No such document' : 'This did not work'), el('p', {}, problem.message), el('p', {}, problem.hint)));
      } else say(problem.message, true);
      return;
    }
    if (closed) return;
    changed(doc);
    document.title = `${doc.name} · Palimpsest`;
    drawHead();
    drawStrip();
    drawPage();
  }

  function drawHead() {
    const cancel = !final(doc.state) && el('button.quiet', { type: 'button', onclick: () => post(`${base}/cancel`).then(refresh, (p) => say(p.message, true)) }, 'Cancel');
    const finished = [...pages.values()].filter((p) => p.failure || (p.runs.length && p.runs.every((r) => finalPage(r.state)))).length;
    const progress = !doc.pages ? '' : final(doc.state) ? count(doc.pages, 'page') : `${finished} of ${count(doc.pages, 'page')}`;
    const model = [...new Set([...pages.values()].flatMap((p) => p.runs.map((r) => r.model)).filter(Boolean))].join(', ');
    head.replaceChildren(
      el('h1', {}, doc.name),
      el('p.facts', {}, state(doc.state), progress && el('span', {}, progress), doc.format && el('span', {}, doc.format.toUpperCase()), el('span', {}, bytes(doc.bytes)),
        el('span', {}, doc.runs.map((r) => r.task + options(r.options)).join(', ')), model && el('span', {}, `read by ${model}`)),
      el('div.actions', {}, cancel));
    notices.replaceChildren(...[doc.failure && failure(doc.failure), doc.state === 'partial' && !doc.failure && failedPages(), doc.notes?.length && el('div.notice', {}, ...doc.notes.map((n) => el('p', {}, n.text)))].filter(Boolean));
  }

  function failedPages() {
    const bad = [...pages.values()].map((p) => ({ n: p.number, f: p.failure || p.runs.find((r) => r.failure)?.failure, s: stateOf(p) }))
      .filter(({ s }) => s === 'failed' || s === 'unreadable' || s === 'cancelled').sort((a, b) => a.n - b.n);
    if (!bad.length) return null;
    return el('div.notice', {},
      el('p', {}, el('span.kind', {}, `${count(bad.length, 'page')} could not be read: `),
        ...bad.slice(0, 12).flatMap(({ n }, i) => [i ? ', ' : '', el('a', { href: `#/${id}/${n}` }, `page ${n}`)]), bad.length > 12 ? ' and more' : ''),
      bad[0].f && el('p', {}, `Page ${bad[0].n}: ${bad[0].f.message}${bad[0].f.hint ? ` (${bad[0].f.hint})` : ''}`));
  }

  function drawStrip() {
    strip.hidden = pages.size < 2;
    if (strip.hidden) return;
    const sorted = [...pages.values()].sort((a, b) => a.number - b.number);
    sorted.forEach((p, i) => {
      let thumb = strip.children[i];
      if (!thumb) {
        thumb = el('a.thumb', { href: `#/${id}/${p.number}` }, el('span.frame', {}), el('span', {}, p.number));
        if (!p.failure) thumb.firstChild.append(el('img', { src: `${base}/pages/${p.number}/image?w=108`, alt: '', loading: 'lazy' }));
        strip.append(thumb);
      }
      thumb.querySelector('.state')?.remove();
      const s = stateOf(p);
      thumb.append(state(s, ''));
      thumb.setAttribute('aria-label', `Page ${p.number}, ${s}`);
      p.number === number ? thumb.setAttribute('aria-current', 'page') : thumb.removeAttribute('aria-current');
    });
  }

  function drawPage() {
    const p = pages.get(number);
    if (!p) {
      page?.close();
      page = null;
      const text = final(doc.state) ? (doc.pages ? `There is no page ${number}.` : '') : 'The first pages appear here as soon as they are drawn.';
      work.className = 'work no-text';
      work.replaceChildren(el('p.waiting', {}, text));
      return;
    }
    if (page?.number !== number) {
      page?.close();
      page = openPage(work, doc, p, { say });
    }
    page.update(p, doc);
  }

  function show(n) {
    if (n === number) return;
    number = n;
    if (doc) { drawStrip(); drawPage(); }
    strip.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  const go = (step) => {
    if (pages.has(number + step)) location.hash = `#/${id}/${number + step}`;
  };
  const keys = (e) => {
    if (e.altKey || e.ctrlKey || e.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return;
    if (e.key === 'ArrowRight' || e.key === 'PageDown') go(1);
    else if (e.key === 'ArrowLeft' || e.key === 'PageUp') go(-1);
    else if (!page?.key(e.key)) return;
    e.preventDefault();
  };
  addEventListener('keydown', keys);
  refresh();
  return {
    id,
    show,
    close() { closed = true; events.close(); clearTimeout(timer); removeEventListener('keydown', keys); page?.close?.(); },
  };
}

const options = (o) => {
  const list = Object.entries(o || {}).map(([k, v]) => `${k.replaceAll('_', ' ')}: ${v}`);
  return list.length ? ` (${list.join(', ')})` : '';
};

// stateOf is the least finished state of a page's runs.
export function stateOf(p) {
  if (p.failure) return 'failed';
  const order = ['failed', 'running', 'queued', 'waiting', 'unreadable', 'cancelled', 'blank', 'done'];
  return order.find((s) => p.runs.some((r) => r.state === s)) || 'queued';
}

export function failure(f) {
  return el('div.notice.bad', { role: 'alert' },
    el('p', {}, el('span.kind', {}, `${f.kind.replaceAll('_', ' ')}: `), f.page ? `page ${f.page}: ` : '', f.message),
    f.hint && el('p', {}, f.hint));
}
