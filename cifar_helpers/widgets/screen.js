// - A new page replaces the old one when its pictures are decoded, so that none is seen half drawn.
// - JupyterLab takes arrows and letters on a focused dropdown for its own shortcuts (ipywidgets issue 3912), except
//   where the focused element itself has this attribute. The output's element exists once the view is attached.
// - The press of a button overtakes a change of a field that was made just before it: an answer that is typed fast would
//   be judged by its beginning. So question and answer go in one message, and the press is not sent.
// - Its radio buttons have no name, without which the tab key stops at each and arrows go on into the next question.
// - The handle of an ipywidgets slider and the buttons of its player have no accessible names: a label stands beside
//   the one, a picture on the others.
export default {
  render({ model, el }) {
    el.classList.add("cifar-screen");
    let turn = 0;
    const draw = async () => {
      const mine = ++turn;
      const page = document.createElement("div");
      page.innerHTML = model.get("value");
      await Promise.all([...page.querySelectorAll("img")].map(image => image.decode().catch(() => {})));
      if (mine === turn) el.replaceChildren(...page.childNodes);
    };
    const choose = event => {
      const target = event.target.closest("[data-place], [data-grid]");
      if (!target) return;
      let place = target.dataset.place;
      if (!place) {
        const [name, rows, columns] = target.dataset.grid.split(" ");
        const box = target.getBoundingClientRect();
        const at = (offset, size, count) => Math.min(count - 1, Math.max(0, Math.floor(offset / size * count)));
        const row = at(event.clientY - box.top, box.height, rows);
        place = `${name} ${row} ${at(event.clientX - box.left, box.width, columns)}`;
      }
      model.set("place", place);
      model.save_changes();
    };
    const claim = event => event.target.setAttribute("data-lm-suppress-shortcuts", "true");
    const name = output => {
      output.querySelectorAll(".noUi-handle:not([aria-label])").forEach(handle => {
        const label = handle.closest(".widget-inline-hbox")?.querySelector(".widget-label");
        if (label?.textContent) handle.setAttribute("aria-label", label.textContent);
      });
      output.querySelectorAll(".widget-play").forEach(player => player.querySelectorAll("button").forEach(
        (button, k) => button.setAttribute("aria-label", ["play or pause", "stop", "repeat"][k])));
    };
    // A question stands in the screen before its field and its button.
    const together = `question-${Math.random()}`;
    const ask = () => {
      const parts = [...el.parentElement?.children ?? []];
      const question = el.querySelector("[data-question]")?.textContent;
      if (!question) return;
      const [field, button] = parts.slice(parts.indexOf(el) + 1);
      const group = field?.querySelector(".widget-radio-box");
      group?.setAttribute("role", "radiogroup");
      group?.querySelectorAll("input").forEach(input => { input.name = together; });
      (group ?? field?.querySelector("input"))?.setAttribute("aria-label", question);
      if (!button || !field.querySelector("input")) return;
      button.setAttribute("aria-label", `${button.textContent}: ${question}`);
      if (button.dataset.asks) return;
      button.dataset.asks = "yes";
      el.parentElement.addEventListener("click", event => {
        if (!button.contains(event.target)) return;
        event.stopPropagation();
        const inputs = [...field.querySelectorAll("input")];
        const chosen = inputs.findIndex(input => input.checked);
        model.set("given", `${Date.now()} ${group ? chosen : inputs[0].value}`);
        model.save_changes();
      }, true);
      field.addEventListener("keydown", event => { if (event.key === "Enter") button.click(); });
    };
    const listen = () => {
      if (!el.isConnected) return requestAnimationFrame(listen);
      const output = el.closest(".jp-OutputArea-output");
      if (!output) return;
      output.addEventListener("focusin", claim);
      const names = () => { name(output); ask(); };
      names();
      new MutationObserver(names).observe(output, { childList: true, subtree: true });
    };
    model.on("change:value", draw);
    el.addEventListener("click", choose);
    draw();
    listen();
  }
}
