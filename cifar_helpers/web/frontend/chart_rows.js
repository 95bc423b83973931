// A table beside charts, with one row for each run.

/**
 * Rows of a table with `data-run`: what is pointed at or has the focus comes forward in the charts, and the other way.
 * @param {HTMLElement} body
 * @param {ReturnType<typeof import("./chart.js").chart>[]} charts with one axis
 * @returns {(x: number | null, run: string | null) => void} what the charts are to call when they are `hovered`
 */
export function bringing(body, charts) {
  const runOf = event => event.target.closest("tr")?.dataset.run ?? null;
  const to = run => {
    for (const one of charts) one.bring(run);
  };
  /** @type {string | null} by a tap, since a finger does not hover; another tap on it ends that */
  let tapped = null;
  for (const come of ["pointerover", "focusin"]) body.addEventListener(come, event => to(runOf(event)));
  for (const go of ["pointerleave", "focusout"]) body.addEventListener(go, () => to(tapped));
  body.addEventListener("click", event => {
    if (/** @type {PointerEvent} */ (event).pointerType === "mouse" || event.target.closest("button")) return;
    tapped = tapped === runOf(event) ? null : runOf(event);
    to(tapped);
  });
  return (x, run) => {
    for (const one of charts) one.look(x, run);
    for (const row of body.querySelectorAll("tr")) row.classList.toggle("pointed", row.dataset.run === run);
  };
}
