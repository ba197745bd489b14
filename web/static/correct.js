// Putting words right: the words of a page one after another, each beside its picture, for the keyboard alone or with
// the mouse. Enter keeps what was typed and goes on; a word that was missed is dragged on the page.

import { count, el, final, svg } from './dom.js';
import { dragging, meant } from './drag.js';
import { get, send } from './http.js';

const cropHeight = 44; // pixels of the screen
const widest = 140;

export function correctTool(sheet, overlay, page, { base, url, doubtful, show, reload, say }) {
  let words = [];
  let at = -1; // the word that is open
  let added = null; // the box of a word that was missed
  let made = []; // corrections of this page that stand, oldest first

  const button = el('button.quiet', { type: 'button', title: 'e', 'aria-pressed': 'false', onclick: () => toggle(bar.hidden) }, 'Correct');
  const crop = el('div.crop', { 'aria-hidden': 'true' });
  const input = el('input', { type: 'text', 'aria-label': 'What the word says', spellcheck: 'false', autocomplete: 'off', maxlength: 1000, title: 'Enter: keep and go on. Tab: skip. A word that was missed: drag a box around it.' });
  const save = el('button.primary', { type: 'submit' }, 'Save');
  const remove = el('button.quiet', { type: 'button', onclick: () => keep('remove') }, 'Remove');
  const where = el('span.quiet-text.where');
  const only = el('input', { type: 'checkbox', onchange: () => go(1, at - 1) });
  const right = el('button.quiet', { type: 'button', title: 'The page becomes a label as it stands', onclick: pageIsRight }, 'Page is right');
  const undo = el('button.quiet', { type: 'button', onclick: takeBack }, 'Undo');
  const total = el('span.quiet-text');
  const bar = el('form.tools.draw.correct', { hidden: true, 'aria-label': 'Correct words', onsubmit: (e) => { e.preventDefault(); keep(added ? 'add' : 'change'); }, onkeydown: keys },
    el('span.crop-slot', {}, crop), input, save, remove, el('button.quiet', { type: 'button', title: 'Tab', onclick: () => go(1) }, 'Skip'), where,
    el('div.right', {}, el('label', {}, only, 'Doubtful only'), right, total, undo, el('button.quiet', { type: 'button', onclick: () => toggle(false) }, 'Close')));
  const drawn = svg('rect', { class: 'w added', rx: 2, visibility: 'hidden' });

  async function toggle(on) {
    bar.hidden = !on;
    button.setAttribute('aria-pressed', on);
    sheet.classList.toggle('correcting', on);
    add(null);
    if (!on) {
      at = -1;
      show(-1);
      button.focus();
      return;
    }
    go(1);
    await list();
  }

  function keys(e) {
    if (e.key === 'Escape') added ? open(at) : toggle(false);
    else if (e.key === 'Tab' && e.target === input) go(e.shiftKey ? -1 : 1);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  // go opens the next word in a direction, of the doubtful ones where these are asked for.
  function go(step, start = at) {
    for (let i = start + step; i >= 0 && i < words.length; i += step) {
      if (!only.checked || doubtful(words[i])) return open(i);
    }
    if (at < 0 || at >= words.length) open(-1);
    else if (start === at) say(step > 0 ? 'That was the last word of the page.' : 'That is the first word of the page.');
  }

  function open(i) {
    at = i;
    add(null);
    const word = words[i];
    input.value = word?.text ?? '';
    where.textContent = word ? `${i + 1} of ${words.length}` : 'no words';
    ready(Boolean(word));
    view(word?.box);
    show(i);
    if (!bar.hidden) { input.focus(); input.select(); }
  }

  // add takes the box of a missed word over, or none.
  function add(box) {
    added = box;
    drawn.setAttribute('visibility', box ? 'visible' : 'hidden');
    if (!box) return;
    overlay.append(drawn);
    for (const [name, v] of [['x', box[0]], ['y', box[1]], ['width', box[2] - box[0]], ['height', box[3] - box[1]]]) drawn.setAttribute(name, v);
  }

  function ready(on) {
    input.disabled = save.disabled = !on;
    remove.disabled = !on || Boolean(added);
  }

  // view shows a box of the page in the bar, as large as it fits.
  function view(box) {
    crop.hidden = !box;
    if (!box) return;
    const margin = 0.15 * (box[3] - box[1]);
    const [x, y, w, h] = [box[0] - margin, box[1] - margin, box[2] - box[0] + 2 * margin, box[3] - box[1] + 2 * margin];
    const scale = Math.min(cropHeight / h, widest / w);
    Object.assign(crop.style, { width: `${w * scale}px`, height: `${h * scale}px`, backgroundImage: `url("${url}/image")`,
      backgroundSize: `${page.width * scale}px ${page.height * scale}px`, backgroundPosition: `${-x * scale}px ${-y * scale}px` });
  }

  async function keep(kind) {
    const word = words[at];
    const text = input.value.trim();
    if (kind !== 'remove' && !text) return say('A word without letters? Remove it instead.', true);
    if (kind === 'change' && text === word.text) return go(1);
    const wanted = { task: 'ocr', kind, relation: 'word', place: added || word.box };
    if (kind !== 'remove') wanted.values = { text };
    const next = kind === 'change' ? 1 : 0; // what was removed makes room for the next one
    if (await done(() => send(`${url}/corrections`, wanted))) kind === 'add' ? open(words.findIndex((w) => w.source === 'person' && same(w.box, wanted.place))) : go(1, at - 1 + next);
  }

  async function pageIsRight() {
    if (await done(() => send(`${url}/corrections`, { task: 'ocr', kind: 'right' }))) say('Kept: the page is right as it stands.');
  }

  async function takeBack() {
    const last = made[made.length - 1];
    if (last && await done(() => send(`${base}/corrections/${last.id}/undo`, {}))) go(1, Math.min(at, words.length) - 1);
  }

  // done does what changes the page and shows what stands there then.
  async function done(change) {
    ready(false);
    try {
      await change();
      await reload();
      await list();
      return true;
    } catch (problem) {
      say([problem.message, problem.hint].filter(Boolean).join(': '), true);
      return false;
    } finally {
      ready(Boolean(added || words[at]));
    }
  }

  async function list() {
    try {
      const { corrections } = await get(`${base}/corrections`);
      made = corrections.filter((c) => c.page === page.number && c.task === 'ocr' && c.kind !== 'undo' && !c.undone);
      total.textContent = made.length ? count(made.length, 'correction') : '';
      undo.hidden = !made.length;
    } catch (problem) {
      say(problem.message, true);
    }
  }

  dragging(overlay, page, {
    start: (e, x, y) => !bar.hidden && !e.target.dataset?.i && [x, y],
    move: (box) => meant(box) && add(box),
    end() {
      if (!added) return;
      input.value = '';
      where.textContent = 'new word';
      ready(true);
      view(added);
      input.focus();
    },
  });

  return {
    button, bar,
    get active() { return !bar.hidden; },
    open: (i) => { if (!bar.hidden && i >= 0) open(i); },
    update(doc) {
      button.disabled = !final(doc.state);
      button.title = button.disabled ? 'When the document has been read' : 'e';
    },
    words(list) {
      words = list;
      button.hidden = false;
    },
    press() { if (!button.disabled && !button.hidden) toggle(bar.hidden); },
  };
}

const same = (a, b) => a.every((v, i) => Math.abs(v - b[i]) < 1);
