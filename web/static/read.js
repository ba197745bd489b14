// What the tasks besides ocr read on a page, as people look at it: tables as tables, molecules with their formula, music and
// reports as they were written.

import { el } from './dom.js';
import { all } from './http.js';

/** The tasks that are shown, and under which heading. */
export const headings = { table: 'Tables', molecule: 'Molecules', omr: 'Music', cxr: 'Draft report, not for diagnosis' };

/** Fetches what a task read on a page, as {box, node}; within keeps what has its middle in that box. */
export async function readings(base, task, page, within) {
  const rows = [];
  await all(`${base}/results/${task}?page=${page}${task === 'table' ? '&relation=cell' : ''}`, 'records', (r) => rows.push(...r));
  const kept = within ? rows.filter(({ box: b }) => between((b[0] + b[2]) / 2, within[0], within[2]) && between((b[1] + b[3]) / 2, within[1], within[3])) : rows;
  return task === 'table' ? tables(kept) : kept.map((r) => ({ box: r.box, node: show(r.values) }));
}

const between = (v, low, high) => v >= low && v <= high;

function show(v) {
  if (v.kern) return el('pre', {}, v.kern);
  if (!v.smiles) return el('pre', {}, v.text || '');
  return el('div', {}, el('p', {}, el('b', {}, ...formula(v.formula || '')), v.mass ? ` ${v.mass.toFixed(2)} g/mol` : ''), el('pre', {}, v.smiles));
}

// formula sets the counts of a Hill formula low.
const formula = (text) => text.split(/(?<=[A-Za-z)])(\d+)/).map((part) => (/^\d+$/.test(part) ? el('sub', {}, part) : part));

// tables lays cells out, which come row by row.
function tables(cells) {
  const found = new Map();
  for (const { values: v, box: b } of cells) {
    if (!found.has(v.table_seq)) found.set(v.table_seq, { box: b, rows: new Map() });
    const table = found.get(v.table_seq);
    table.box = [Math.min(table.box[0], b[0]), Math.min(table.box[1], b[1]), Math.max(table.box[2], b[2]), Math.max(table.box[3], b[3])];
    if (!table.rows.has(v.row)) table.rows.set(v.row, el('tr'));
    table.rows.get(v.row).append(el(v.header ? 'th' : 'td', { rowspan: v.rowspan > 1 && v.rowspan, colspan: v.colspan > 1 && v.colspan }, v.text || ''));
  }
  return [...found.values()].map(({ box, rows }) => ({ box, node: el('table', {}, ...rows.values()) }));
}
