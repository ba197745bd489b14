// Talking to the server: JSON in and out, problems as errors that carry their hint.

/** A problem as the server tells it (RFC 9457), or the failure to reach it. */
export class Problem extends Error {
  constructor(body, status) {
    super(body.detail || body.title || 'the request failed');
    this.code = body.code || 'unreachable';
    this.hint = body.hint || '';
    this.status = status;
  }
}

const unreachable = () => new Problem({ detail: 'The server does not answer.', hint: 'Is it still running?' }, 0);

/** Fetches JSON; throws a Problem. */
export async function call(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw unreachable();
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(body, response.status);
  return body;
}

export const get = (path) => call(path);
export const post = (path) => call(path, { method: 'POST' });
export const send = (path, body) => call(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

/** Uploads one file with progress between 0 and 1. fetch cannot tell how far an upload is. */
export function upload(file, { tasks, options, password }, onProgress) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const t of tasks) form.append('task', t);
    for (const [k, v] of Object.entries(options)) form.append('option', `${k}=${v}`);
    if (password) form.append('password', password);
    form.append('file', file, file.name);
    const request = new XMLHttpRequest();
    request.open('POST', '/v1/documents');
    request.setRequestHeader('Idempotency-Key', randomKey());
    request.responseType = 'json';
    request.upload.onprogress = (e) => e.lengthComputable && onProgress(e.loaded / e.total);
    request.onerror = () => reject(unreachable());
    request.onload = () =>
      request.status < 300 ? resolve(request.response) : reject(new Problem(request.response || {}, request.status));
    request.send(form);
  });
}

// crypto.randomUUID needs a secure context, which a plain host name is not.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Reads all answers of a paged list. */
export async function all(path, field, each) {
  let after = '';
  for (;;) {
    const join = path.includes('?') ? '&' : '?';
    const answer = await get(path + (after ? `${join}after=${encodeURIComponent(after)}` : ''));
    each(answer[field]);
    if (!answer.next || answer.next === after) return;
    after = answer.next;
  }
}
