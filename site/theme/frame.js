// What every page of the site has: tips for terms of the glossary, and all results open on paper.

/** @type {Promise<Document> | null} */
let glossary = null;

/**
 * The glossary's page, fetched once for all terms.
 * @param {string} address
 */
async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`the glossary cannot be read (${answer.status})`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/**
 * What the glossary says about a term; null if it cannot be read, as on a page opened from disk.
 * @param {HTMLAnchorElement} link
 * @returns {Promise<string | null>}
 */
async function definition(link) {
  try {
    const page = await (glossary ??= read(link.href.split("#")[0]));
    const says = page.getElementById(decodeURIComponent(link.hash.slice(1)))?.querySelector("p")?.cloneNode(true);
    if (!(says instanceof Element)) return null;
    says.querySelector("a:last-child")?.remove(); // the lesson that introduces it: a tip has nothing to click on
    return says.innerHTML.trim();
  } catch {
    glossary = null;
    return null;
  }
}

/** One tip for the page: it stays while the pointer is on it, and Escape closes it. */
class Tip {
  constructor() {
    this.el = document.createElement("div");
    this.el.className = "term-tip";
    this.el.id = "term-tip";
    this.el.setAttribute("role", "tooltip");
    this.el.hidden = true;
    document.body.append(this.el);
    /** @type {HTMLAnchorElement | null} */
    this.link = null;
    this.timer = 0;
    this.el.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.el.addEventListener("pointerleave", () => this.close());
    document.addEventListener("keydown", event => event.key === "Escape" && this.close());
  }

  /** @param {HTMLAnchorElement} link */
  async open(link) {
    clearTimeout(this.timer);
    this.close();
    this.link = link;
    const says = await definition(link);
    if (says === null || this.link !== link) return; // the reader has moved on
    this.el.innerHTML = says;
    this.el.hidden = false;
    link.setAttribute("aria-describedby", this.el.id);
    this.place(link);
  }

  /**
   * Below the link, or above it where there is no room, and never beyond the sides of the window.
   * @param {HTMLAnchorElement} link
   */
  place(link) {
    const [at] = link.getClientRects();
    if (!at) return this.close(); // folded away meanwhile
    const { offsetWidth: width, offsetHeight: height } = this.el;
    const left = Math.min(at.left, document.documentElement.clientWidth - width - 8);
    const below = at.bottom + height + 8 < innerHeight;
    this.el.style.left = `${Math.max(8, left) + scrollX}px`;
    this.el.style.top = `${(below ? at.bottom + 4 : at.top - height - 4) + scrollY}px`;
  }

  /** The pointer may cross the gap between link and tip. */
  closeSoon() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.close(), 200);
  }

  close() {
    this.link?.removeAttribute("aria-describedby");
    this.link = null;
    this.el.hidden = true;
  }
}

function addTips() {
  const links = document.querySelectorAll('.bd-article a[href*="glossary.html#"]');
  if (links.length === 0) return;
  const tip = new Tip();
  for (const link of links) {
    const term = /** @type {HTMLAnchorElement} */ (link);
    term.classList.add("term");
    term.addEventListener("pointerenter", event => event.pointerType === "mouse" && tip.open(term));
    term.addEventListener("pointerleave", () => tip.closeSoon());
    term.addEventListener("focus", () => tip.open(term));
    term.addEventListener("blur", () => tip.close());
  }
}

/** Paper cannot be clicked on: what is folded is printed, and folded again afterwards. */
function openForPrinting() {
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details")].filter(one => !one.open);
    for (const one of opened) one.open = true;
    for (const image of document.querySelectorAll("img")) image.loading = "eager";
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });
}

addTips();
openForPrinting();
