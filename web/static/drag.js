// Dragging boxes on a page.

const least = 4; // pixels of the page; less is a slip of the hand

/** A box whose sides are long enough to be meant. */
export const meant = (box) => box && box[2] - box[0] >= least && box[3] - box[1] >= least;

/**
 * Lets a box be dragged on a layer that covers the page. start(event, x, y) gives the corner that stays, or nothing where no
 * drag begins; move(box) gets the box in pixels of the page; end() is told when the button is up.
 */
export function dragging(layer, page, { start, move, end }) {
  let from = null;
  function at(e) {
    const r = layer.getBoundingClientRect();
    const along = (v, first, size, most) => Math.round(Math.min(1, Math.max(0, (v - first) / size)) * most);
    return [along(e.clientX, r.left, r.width, page.width), along(e.clientY, r.top, r.height, page.height)];
  }
  layer.addEventListener('pointerdown', (e) => {
    from = e.button === 0 && start(e, ...at(e)) || null;
    if (!from) return;
    layer.setPointerCapture(e.pointerId);
    e.preventDefault();
  });
  layer.addEventListener('pointermove', (e) => {
    if (!from) return;
    const [x, y] = at(e);
    move([Math.min(from[0], x), Math.min(from[1], y), Math.max(from[0], x), Math.max(from[1], y)]);
  });
  const over = () => {
    if (from) end?.();
    from = null;
  };
  layer.addEventListener('pointerup', over);
  layer.addEventListener('pointercancel', over);
}
