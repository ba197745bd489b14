// Drawing a region by hand: drag a box on the page or type its edges, say what it holds, and the tasks that read
// such things read it. The same is possible with the keyboard alone.

import { el, final, svg } from './dom.js';
import { dragging, meant } from './drag.js';
import { all, get, send } from './http.js';
import { readings } from './read.js';

const kinds = { table: 'Table', molecule: 'Molecule', staff: 'System of music', film: 'Film', text: 'Text', picture: 'Picture' };
const edges = ['Left', 'Top', 'Right', 'Bottom'];
const reach = 12; // pixels of the screen around a corner that still take hold of it
const patience = 1000; // between two looks at a run

export function regionTool(sheet, page, { base, url, say }) {
  let doc = null;
  let box = null; // x0, y0, x1, y1 in pixels of the page
  let closed = false;

  const layer = svg('svg', { class: 'regions', viewBox: `0 0 ${page.width} ${page.height}`, 'aria-hidden': 'true' });
  const known = svg('g');
  const drawn = svg('g');
  layer.append(known, drawn);
  sheet.append(layer);
  const button = el('button.quiet', { type: 'button', title: 'r', 'aria-pressed': 'false', onclick: (e) => toggle(bar.hidden, e.detail === 0) }, 'Draw region');
  const kind = el('select', {}, ...Object.entries(kinds).map(([k, label]) => el('option', { value: k }, label)));
  const inputs = edges.map((label, i) => el('input', { type: 'number', min: 0, max: i % 2 ? page.height : page.width, step: 1, 'aria-label': `${label} edge in pixels`, oninput: typed }));
  const read = el('button.primary', { type: 'submit', disabled: true }, 'Read');
  const bar = el('form.tools.draw', { hidden: true, 'aria-label': 'Region to read', onsubmit: submit, onkeydown: (e) => e.key === 'Escape' && toggle(false) },
    el('label', {}, 'Holds', kind), ...inputs.map((input, i) => el('label', {}, edges[i], input)),
    read, el('button.quiet', { type: 'button', onclick: () => toggle(false) }, 'Cancel'),
    el('span.quiet-text', {}, 'Drag a box on the page, or type its edges.'));
  const results = el('div.read', { hidden: true, 'aria-live': 'polite' });

  function toggle(on, byKey) {
    bar.hidden = !on;
    button.setAttribute('aria-pressed', on);
    sheet.classList.toggle('drawing', on);
    set(on && byKey ? [0.25, 0.25, 0.75, 0.75].map((v, i) => Math.round(v * (i % 2 ? page.height : page.width))) : null);
    if (on) {
      showKnown();
      kind.focus();
    } else button.focus();
  }

  // set takes a box over, or none.
  function set(next, typing) {
    box = meant(next) ? next : null;
    if (!typing) inputs.forEach((input, i) => { input.value = next ? next[i] : ''; });
    read.disabled = !box;
    drawn.replaceChildren();
    if (!box) return;
    const [x0, y0, x1, y1] = box;
    const r = 4 * perPixel();
    drawn.append(svg('rect', { class: 'new', x: x0, y: y0, width: x1 - x0, height: y1 - y0 }),
      ...[[x0, y0], [x1, y0], [x0, y1], [x1, y1]].map(([x, y]) => svg('rect', { class: 'handle', x: x - r, y: y - r, width: 2 * r, height: 2 * r })));
  }

  function typed() {
    const v = inputs.map((input) => input.valueAsNumber);
    set(v.every((n, i) => n >= 0 && n <= (i % 2 ? page.height : page.width)) ? v : null, true);
  }

  // perPixel is how many of the page's pixels one of the screen covers.
  const perPixel = () => page.width / (layer.getBoundingClientRect().width || page.width);

  dragging(layer, page, {
    start(_, x, y) { // a corner that is near is taken hold of; the opposite one stays
      const near = reach * perPixel();
      for (const [i, j] of box ? [[0, 1], [2, 1], [0, 3], [2, 3]] : []) {
        if (Math.abs(box[i] - x) < near && Math.abs(box[j] - y) < near) return [box[2 - i], box[4 - j]];
      }
      return [x, y];
    },
    move: (dragged) => set(dragged),
  });

  // showKnown shows the regions that the page has.
  async function showKnown() {
    try {
      const got = [];
      await all(`${base}/results/regions?page=${page.number}`, 'records', (r) => got.push(...r));
      showRegions(got.map((r) => ({ kind: r.values.kind, box: r.box, source: r.source })));
    } catch {
      known.replaceChildren(); // nobody looked for any
    }
  }

  function showRegions(list) {
    const size = 12 * perPixel();
    known.replaceChildren(...list.flatMap(({ kind: k, box: [x0, y0, x1, y1], source }) => {
      const label = svg('text', { x: x0, y: Math.max(y0 - size / 3, size), 'font-size': size });
      label.textContent = source === 'person' ? `${k}, by hand` : k;
      return [svg('rect', { class: 'known', x: x0, y: y0, width: x1 - x0, height: y1 - y0 }), label];
    }));
  }

  async function submit(e) {
    e.preventDefault();
    if (!box) return;
    const wanted = { kind: kind.value, box };
    read.disabled = true;
    try {
      const answer = await send(`${url}/regions`, wanted);
      const again = answer.again.filter((a) => a.run);
      showRegions(answer.regions);
      toggle(false);
      sheet.classList.add('shows-regions');
      if (again.length) say(`${again.map((a) => a.task).join(', ')}: the region is being read`);
      else say(`Kept. None of this document's tasks reads a region of kind ${wanted.kind}.`);
      again.forEach((a) => follow(a, wanted));
    } catch (problem) {
      read.disabled = false;
      say([problem.message, problem.hint].filter(Boolean).join(': '), true);
    }
  }

  // follow waits for a run's end and shows what it has read in the region.
  async function follow({ task, run }, wanted) {
    try {
      for (;;) {
        const now = await get(`/v1/runs/${run}`);
        if (closed) return;
        if (final(now.state)) {
          const failed = now.pages?.find((p) => p.failure)?.failure;
          say(failed ? `${task}: ${failed.message}` : `${task}: the region is read`, Boolean(failed));
          if (!failed) await show(task, wanted.box);
          return;
        }
        await new Promise((done) => { setTimeout(done, patience); });
        if (closed) return;
      }
    } catch (problem) {
      say(problem.message, true);
    }
  }

  async function show(task, within) {
    const found = await readings(base, task, page.number, within);
    results.hidden = false;
    results.replaceChildren(el('div.read-head', {}, el('b', {}, `Read in the region: ${task}`), el('button.quiet', { type: 'button', onclick: () => { results.hidden = true; } }, 'Close')),
      ...found.map((r) => r.node), !found.length && el('p.quiet-text', {}, 'The model found nothing of the kind there.') || '');
  }

  return {
    button, bar, results,
    update(d) {
      doc = d;
      button.disabled = !final(doc.state);
      button.title = button.disabled ? 'When the document has been read' : 'r';
    },
    press() { if (!button.disabled) toggle(bar.hidden, true); },
    resize() { set(box); },
    close() { closed = true; },
  };
}
