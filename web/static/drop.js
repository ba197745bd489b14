// Taking files: dropped anywhere, chosen, or pasted. Two go up at a time.

import { byId, el } from './dom.js';
import { get, upload } from './http.js';

const atOnce = 2;

export function setUpDrop({ say, submitted }) {
  const uploads = byId('uploads');
  const tasks = byId('tasks');
  const queue = [];
  let running = 0;
  let first = true;

  get('/v1/tasks').then((answer) => tasks.replaceChildren(...answer.tasks.map(taskFields)), (problem) => say(problem.message, true));

  function wishes() {
    const names = [];
    const options = {};
    for (const set of tasks.querySelectorAll('fieldset')) {
      if (!set.querySelector('input[name=task]').checked) continue;
      names.push(set.dataset.task);
      for (const field of set.querySelectorAll('[data-option]')) {
        if (field.value !== field.dataset.default) options[field.dataset.option] = field.value;
      }
    }
    return { tasks: names, options, password: byId('password').value };
  }

  function add(files) {
    const wish = wishes();
    first = true;
    for (const file of files) queue.push({ file, wish, row: row(file.name) });
    pump();
  }

  function row(name) {
    const bar = el('progress', { max: 1, 'aria-label': `Uploading ${name}` });
    const node = el('li.upload', {}, el('p.name', {}, el('span', { title: name }, name)), bar);
    uploads.append(node);
    return { node, bar };
  }

  async function pump() {
    while (running < atOnce && queue.length) {
      const job = queue.shift();
      running++;
      send(job).finally(() => { running--; pump(); });
    }
  }

  async function send({ file, wish, row: { node, bar } }) {
    try {
      const doc = await upload(file, wish, (part) => { bar.value = part; });
      node.remove();
      submitted(doc, first);
      first = false;
    } catch (problem) {
      bar.remove();
      node.classList.add('bad');
      node.querySelector('.name').append(el('button', { type: 'button', 'aria-label': `Dismiss ${file.name}`, onclick: () => node.remove() }, '×'));
      node.append(el('p', {}, problem.message), problem.hint && el('p.hint', {}, problem.hint));
    }
  }

  const input = byId('files');
  input.addEventListener('change', () => { add([...input.files]); input.value = ''; });
  const curtain = byId('curtain');
  let depth = 0;
  const carries = (e) => [...(e.dataTransfer?.types || [])].includes('Files');
  addEventListener('dragenter', (e) => { if (carries(e)) { depth++; curtain.hidden = false; } });
  addEventListener('dragleave', (e) => { if (carries(e) && --depth <= 0) { depth = 0; curtain.hidden = true; } });
  addEventListener('dragover', (e) => { if (carries(e)) e.preventDefault(); });
  addEventListener('drop', (e) => {
    if (!carries(e)) return;
    e.preventDefault();
    depth = 0;
    curtain.hidden = true;
    add([...e.dataTransfer.files]);
  });
  addEventListener('paste', (e) => { if (e.clipboardData?.files.length) add([...e.clipboardData.files]); });
  byId('drop').addEventListener('submit', (e) => e.preventDefault());
}

// taskFields lets a task be chosen and its options be set.
function taskFields(task, index) {
  const set = el('fieldset.task', { 'data-task': task.name },
    el('label', {}, el('input', { type: 'checkbox', name: 'task', checked: index === 0 }), task.name),
    el('p', {}, task.summary));
  for (const option of task.options || []) {
    const shared = { 'data-option': option.name, 'data-default': option.default };
    const field = option.values?.length
      ? el('select', shared, ...option.values.map((v) => el('option', { value: v, selected: v === option.default }, v)))
      : el('input', { ...shared, value: option.default });
    set.append(el('label.field', { title: option.summary }, option.name.replaceAll('_', ' '), field));
  }
  return set;
}
