// One page: the picture, the words boxed over it, and the same words as text. Pointing at
// a word in either marks it in both.

import { count, el, finalPage, state, svg } from './dom.js';
import { all, get } from './http.js';
import { correctTool } from './correct.js';
import { failure, stateOf } from './document.js';
import { headings, readings } from './read.js';
import { regionTool } from './region.js';

// What confidence is called low and middling. The words of a model that is sure lie above.
const lowBelow = 0.6;
const midBelow = 0.85;

const grade = (w) => (w.source === 'person' ? 'person' : w.source === 'text_layer' ? 'layer' : w.confidence < lowBelow ? 'low' : w.confidence < midBelow ? 'mid' : 'high');

// What the user has switched stays so from page to page.
const settings = { boxes: true, colours: true, text: true, zoom: 'width' };

export function openPage(work, doc, page, { say }) {
  const base = `/v1/documents/${doc.id}`;
  const url = `${base}/pages/${page.number}`;
  const tasks = doc.runs.map((r) => r.task);
  const task = tasks.includes('ocr') ? 'ocr' : tasks[0];
  let words = [];
  let loaded = '';
  let on = -1;
  let run = null;

  const overlay = svg('svg', { viewBox: `0 0 ${page.width} ${page.height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const picture = el('img', { src: `${url}/image`, alt: `Page ${page.number} of ${doc.name}`, width: page.width, height: page.height });
  const sheet = el('div.sheet', {}, picture, overlay);
  const region = regionTool(sheet, page, { base, url, say });
  const correct = correctTool(sheet, overlay, page, { base, url, say, doubtful: (w) => ['low', 'mid'].includes(grade(w)), reload: load, show: bring });
  const stage = el('div.stage', { tabindex: 0, 'aria-label': 'Page image' }, sheet);
  const tip = el('div.tip', { hidden: true });
  const key = el('div.key', {});
  const note = el('span');
  const links = el('span.links');
  const text = el('div.text', { tabindex: 0, 'aria-label': 'Text of the page' });
  const others = tasks.filter((name) => name !== task && headings[name]).map((name) => ({ name, stamp: '', section: el('section.other.read', { hidden: true }) }));
  const pointed = svg('rect', { class: 'w pointed', rx: 2, visibility: 'hidden' });
  const boxesBox = el('input', { type: 'checkbox' });
  const coloursBox = el('input', { type: 'checkbox' });
  const textBox = el('input', { type: 'checkbox' });
  const zooms = { fit: 'Fit', width: 'Width', full: '100 %' };
  const zoomButtons = Object.entries(zooms).map(([k, label]) => el('button', { type: 'button', onclick: () => set('zoom', k), 'data-zoom': k }, label));
  const tools = el('div.tools', { role: 'toolbar', 'aria-label': 'View' },
    el('label', { title: 'b' }, boxesBox, 'Boxes'), el('label', { title: 'c' }, coloursBox, 'Confidence'), el('label', { title: 't' }, textBox, 'Text'), key,
    el('div.right', {}, task === 'ocr' && correct.button, region.button, el('div.zoom', { role: 'group', 'aria-label': 'Zoom' }, ...zoomButtons)));
  const textSide = el('section.text-box', { 'aria-label': 'Text' }, el('div.text-head', {}, note, links), el('div.text-scroll', {}, text, ...others.map((o) => o.section)));
  const stageSide = el('section.stage-box', { 'aria-label': 'Page' }, tools, region.bar, correct.bar, stage, region.results, tip);

  for (const [name, box] of [['boxes', boxesBox], ['colours', coloursBox], ['text', textBox]]) box.addEventListener('change', () => set(name, box.checked));

  function set(name, value) {
    settings[name] = value;
    apply();
  }

  function apply() {
    boxesBox.checked = settings.boxes;
    coloursBox.checked = settings.colours;
    textBox.checked = settings.text;
    overlay.setAttribute('class', (settings.boxes ? '' : 'no-boxes ') + (settings.colours ? 'by-confidence' : ''));
    text.classList.toggle('by-confidence', settings.colours);
    textSide.hidden = !settings.text;
    work.className = settings.text ? 'work' : 'work no-text';
    for (const b of zoomButtons) b.setAttribute('aria-pressed', b.dataset.zoom === settings.zoom);
    resize();
  }

  function resize() {
    const w = stage.clientWidth - 40;
    const h = stage.clientHeight - 40;
    if (w <= 0 || !page.width) return;
    const scale = { fit: Math.min(w / page.width, Math.max(h, 240) / page.height, 2), width: Math.min(w / page.width, 1.5), full: 1 / devicePixelRatio }[settings.zoom];
    sheet.style.width = `${Math.round(page.width * scale)}px`;
    sheet.style.height = `${Math.round(page.height * scale)}px`;
    region.resize();
  }
  const watch = new ResizeObserver(resize);
  watch.observe(stage);

  function mark(index, from) {
    if (index === on) return;
    for (const node of work.querySelectorAll('.on')) node.classList.remove('on');
    on = index;
    tip.hidden = index < 0 || from === 'text';
    if (index < 0) return;
    const w = words[index];
    overlay.querySelector(`[data-i="${index}"]`)?.classList.add('on');
    const span = text.querySelector(`[data-i="${index}"]`);
    span?.classList.add('on');
    if (from === 'image') span?.scrollIntoView({ block: 'nearest' });
    tip.replaceChildren(el('b', {}, w.text), el('span', {}, origins[w.source] || `confidence ${percent(w.confidence)}`));
  }
  // bring marks a word and moves both sides to it.
  function bring(index) {
    mark(index, 'text');
    for (const side of [overlay, text]) side.querySelector(`[data-i="${index}"]`)?.scrollIntoView({ block: 'center', inline: 'nearest' });
  }

  const indexOf = (e) => Number(e.target.dataset?.i ?? -1);
  overlay.addEventListener('pointermove', (e) => {
    mark(indexOf(e), 'image');
    tip.style.left = `${Math.min(e.clientX + 14, innerWidth - tip.offsetWidth - 12)}px`;
    tip.style.top = `${e.clientY + 18 + tip.offsetHeight > innerHeight ? e.clientY - tip.offsetHeight - 10 : e.clientY + 18}px`;
  });
  overlay.addEventListener('pointerleave', () => mark(-1));
  text.addEventListener('pointermove', (e) => mark(indexOf(e), 'text'));
  text.addEventListener('pointerleave', () => mark(-1));
  overlay.addEventListener('click', (e) => correct.open(indexOf(e)));
  text.addEventListener('click', (e) => {
    const i = indexOf(e);
    if (correct.active) return correct.open(i);
    if (i >= 0) overlay.querySelector(`[data-i="${i}"]`)?.scrollIntoView({ block: 'center', inline: 'center' });
  });

  function draw() {
    overlay.replaceChildren(...words.map((w, i) => {
      const [x0, y0, x1, y1] = w.box;
      return svg('rect', { x: x0, y: y0, width: x1 - x0, height: y1 - y0, rx: 2, class: `w ${grade(w)}`, 'data-i': i });
    }));
    overlay.append(pointed);
    text.replaceChildren(...lines(words).map((line) => line.length
      ? el('div.ln', {}, ...line.flatMap((i, k) => [k ? ' ' : '', el(`span.${grade(words[i])}`, { 'data-i': i }, words[i].text)]))
      : el('div.gap')));
    if (!words.length) text.replaceChildren(el('p.none', {}, 'No words were found.'));
    const grades = new Set(words.map(grade));
    key.replaceChildren(...[['low', `below ${percent(lowBelow)}`], ['mid', `below ${percent(midBelow)}`], ['high', 'sure'], ['layer', 'text layer'], ['person', 'by a person']]
      .filter(([g]) => settings.colours && grades.has(g)).map(([g, label]) => el(`span.${g}`, {}, label)));
  }

  async function load() {
    try {
      const got = [];
      await all(`${base}/results/${task}?page=${page.number}`, 'records', (r) => got.push(...r));
      words = got.map((r) => ({ text: String(r.values.text ?? ''), box: r.box, confidence: r.confidence ?? 0, source: r.source, line: r.values.line, block: r.values.block }));
      draw();
      correct.words(words);
      const read = words.filter((w) => w.source === 'model');
      const mean = read.length ? read.reduce((n, w) => n + w.confidence, 0) / read.length : 0;
      note.textContent = [count(words.length, 'word'), read.length && `${percent(mean)} confident`].filter(Boolean).join(' · ');
      note.title = run.model ? `read by ${run.model} in ${(run.seconds || 0).toFixed(1)} s` : '';
      const full = await get(url);
      links.replaceChildren(copyButton(), ...(full.artifacts || []).map((a) => el('a', { href: a.link, download: '' }, labels[a.name] || a.name)));
    } catch (problem) {
      say(problem.message, true);
    }
  }

  // follow shows what the other tasks read, whenever that has changed.
  async function follow(other, run) {
    const stamp = JSON.stringify(run);
    if (!run || stamp === other.stamp || !finalPage(run.state)) return;
    other.stamp = stamp;
    try {
      const found = await readings(base, other.name, page.number);
      other.section.hidden = !found.length;
      other.section.replaceChildren(el('h2', {}, headings[other.name]), ...found.map(({ box, node }) => {
        node.addEventListener('pointerenter', () => point(box));
        node.addEventListener('pointerleave', () => point(null));
        return node;
      }));
    } catch (problem) {
      say(problem.message, true);
    }
  }

  // point shows where on the page something stands.
  function point(box) {
    pointed.setAttribute('visibility', box ? 'visible' : 'hidden');
    if (box) for (const [name, v] of [['x', box[0]], ['y', box[1]], ['width', box[2] - box[0]], ['height', box[3] - box[1]]]) pointed.setAttribute(name, v);
  }

  function copyButton() {
    return el('button.quiet', { type: 'button', onclick: async (e) => {
      const plain = lines(words).map((line) => line.map((i) => words[i].text).join(' ')).join('\n');
      await navigator.clipboard?.writeText(plain);
      e.target.textContent = 'Copied';
    } }, 'Copy');
  }

  function update(p, now) {
    page = p;
    region.update(now);
    correct.update(now);
    run = p.runs.find((r) => r.task === task) || { state: stateOf(p) };
    const bad = p.failure || run.failure;
    for (const other of others) follow(other, p.runs.find((r) => r.task === other.name));
    if (p.failure || !p.width) {
      work.className = 'work no-text';
      work.replaceChildren(el('div', {}, failure(p.failure)));
      return;
    }
    if (!stageSide.isConnected) {
      work.replaceChildren(stageSide, textSide);
      apply();
    }
    const stamp = run.state + (run.model || '');
    if (stamp === loaded) return;
    loaded = stamp;
    if (run.state === 'done' || run.state === 'unreadable') load();
    else note.replaceChildren(state(run.state));
    if (bad) text.replaceChildren(failure(bad));
    else if (run.state === 'blank') text.replaceChildren(el('p.none', {}, 'Nothing stands on this page.'));
    else if (!finalPage(run.state)) text.replaceChildren(el('p.none', {}, run.state === 'running' ? 'The page is being read.' : 'The page waits to be read.'));
  }

  // key does what a letter asks for and says whether it meant something.
  function press(k) {
    const name = { b: 'boxes', c: 'colours', t: 'text' }[k];
    if (name) { set(name, !settings[name]); draw(); return true; }
    if (k === 'r') { region.press(); return true; }
    if (k === 'e') { correct.press(); return true; }
    const order = Object.keys(zooms);
    const step = { '+': 1, '-': -1 }[k];
    if (step) set('zoom', order[Math.min(order.length - 1, Math.max(0, order.indexOf(settings.zoom) + step))]);
    return Boolean(step);
  }

  return { number: page.number, update, key: press, close: () => { watch.disconnect(); region.close(); } };
}

const labels = { 'page.hocr': 'hOCR', 'page.txt': 'Text' };

const origins = { text_layer: 'from the text layer', person: 'by a person' };

const percent = (v) => `${Math.round(v * 100)} %`;

// lines groups the words, which come in reading order, by the line that the task gave
// them, with an empty group where a block ends.
function lines(words) {
  const out = [];
  words.forEach((w, i) => {
    const before = words[i - 1];
    if (!before || (w.line ?? 0) !== (before.line ?? 0)) {
      if (before && w.block !== undefined && w.block !== before.block) out.push([]);
      out.push([]);
    }
    out[out.length - 1].push(i);
  });
  return out;
}
