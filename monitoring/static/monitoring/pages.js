// Pages that refresh themselves: the element with `data-live` is fetched again and only what changed in it is changed,
// so that focus, selection, scroll position and what is opened stay: parts that may come, go or move have an id.
// Without this script, pages show what was so when they were loaded.
"use strict";

(() => {
  const EVERY = 5000;
  const PATIENCE = 10000;
  const SAID = 3;

  const live = document.querySelector("[data-live]");
  const filter = document.querySelector("[data-filter]");
  for (const select of filter ? filter.querySelectorAll("select") : []) {
    select.addEventListener("change", () => filter.requestSubmit());
  }
  if (!live) return;

  const part = (name) => document.querySelector(`[data-live-${name}]`);
  const [state, time, button, said, lost] = ["state", "time", "switch", "said", "lost"].map(part);
  let timer = 0;
  let isPaused = false;
  let isUnderWay = false;
  let isLost = false;

  // --- Changing what changed -------------------------------------------------------------

  function morph(from, to) {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
      from.replaceWith(to);
    } else if (from.nodeType !== Node.ELEMENT_NODE) {
      from.nodeValue = to.nodeValue;
    } else {
      morphAttributes(from, to);
      morphChildren(from, to);
    }
  }

  function morphAttributes(from, to) {
    // Whether details are open is up to whoever reads.
    const isOurs = ({ name }) => !(name === "open" && from.nodeName === "DETAILS");
    for (const attribute of [...from.attributes].filter(isOurs)) {
      if (!to.hasAttribute(attribute.name)) from.removeAttribute(attribute.name);
    }
    for (const attribute of [...to.attributes].filter(isOurs)) {
      if (from.getAttribute(attribute.name) !== attribute.value) from.setAttribute(attribute.name, attribute.value);
    }
  }

  function morphChildren(from, to) {
    const wanted = new Set([...to.children].map((child) => child.id).filter(Boolean));
    for (const child of [...from.children]) if (child.id && !wanted.has(child.id)) child.remove();
    const known = new Map([...from.children].filter((child) => child.id).map((child) => [child.id, child]));
    let next = from.firstChild;
    for (const child of [...to.childNodes]) {
      const same = child.id ? known.get(child.id) : next && !next.id && next.nodeName === child.nodeName ? next : null;
      if (!same) {
        from.insertBefore(child, next);
      } else if (same === next) {
        next = next.nextSibling;
        morph(same, child);
      } else {
        from.insertBefore(same, next);
        morph(same, child);
      }
    }
    while (next) {
      const after = next.nextSibling;
      next.remove();
      next = after;
    }
  }

  function replaceContents(fresh) {
    const focused = live.contains(document.activeElement) ? document.activeElement : null;
    const row = focused && focused.closest("[data-state]");
    const neighbours = row ? [row.nextElementSibling, row.previousElementSibling] : [];
    const selection = document.getSelection();
    const ends = [selection.anchorNode, selection.anchorOffset, selection.focusNode, selection.focusOffset];
    const isSelected = !selection.isCollapsed && live.contains(selection.anchorNode);
    morphChildren(live, fresh);
    // What was moved within the page has lost the focus; a row that is gone gives it to the next one.
    if (focused && document.activeElement !== focused) {
      const heir = neighbours.find((neighbour) => neighbour && neighbour.isConnected);
      (focused.isConnected ? focused : (heir && heir.querySelector("a")) || live).focus({ preventScroll: true });
    }
    if (isSelected && live.contains(ends[0]) && live.contains(ends[2])) {
      const within = (node, offset) => Math.min(offset, node.nodeValue === null ? node.childNodes.length : node.length);
      selection.setBaseAndExtent(ends[0], within(ends[0], ends[1]), ends[2], within(ends[2], ends[3]));
    }
  }

  // --- Saying what changed ---------------------------------------------------------------

  const states = () => new Map([...live.querySelectorAll("[data-state]")].map((row) => [row.id, { ...row.dataset }]));
  // In other lists, and in those of several pages, a row may be gone to another place.
  const isOfOneState = new URLSearchParams(location.search).has("state");

  function sayChanges(before) {
    const changes = [];
    const after = states();
    for (const [id, { state: now, name }] of after) {
      const was = before.get(id);
      if (was ? was.state !== now : now === "down") changes.push(`${name} is ${now}`);
    }
    for (const [id, { state: was, name }] of isOfOneState && !live.querySelector("#pages") ? before : []) {
      if (!after.has(id)) changes.push(`${name} is no longer ${was}`);
    }
    if (!changes.length) return;
    const more = changes.length > SAID ? ` and ${changes.length - SAID} more changes` : "";
    said.textContent = changes.slice(0, SAID).join(", ") + more;
  }

  function showTime() {
    const shown = live.querySelector("[data-now]");
    if (!shown) return;
    time.textContent = isPaused ? `Paused at ${shown.dataset.now}` : `Updated ${shown.dataset.now}`;
    document.title = shown.dataset.title || document.title;
  }

  function tellLost(text) {
    isLost = true;
    if (lost.textContent !== text) lost.textContent = text;
    lost.hidden = false;
  }

  function tellBack() {
    if (!isLost) return;
    isLost = false;
    lost.hidden = true;
    lost.textContent = "";
    said.textContent = "The monitor answers again.";
  }

  // --- Fetching --------------------------------------------------------------------------

  async function refresh() {
    const address = new URL(location.href);
    address.searchParams.set("fragment", "");
    address.hash = "";
    const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
    if (answer.redirected) return "You are signed out. Load this page again to sign in.";
    if (!answer.ok) return answer.status >= 500 ? `The monitor cannot answer just now (${answer.status}). Trying again.` : "Load this page again.";
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    if (isPaused) return "";
    const before = states();
    replaceContents(fresh);
    sayChanges(before);
    return "";
  }

  async function tick() {
    if (isUnderWay || isPaused || document.hidden) return;
    isUnderWay = true;
    try {
      const problem = await refresh();
      if (problem) tellLost(problem);
      else tellBack();
      showTime();
    } catch {
      const shown = live.querySelector("[data-now]");
      tellLost(`The monitor does not answer. What is shown is of ${shown ? shown.dataset.now : "before"} UTC; trying again.`);
    }
    isUnderWay = false;
    later();
  }

  function later(after = EVERY) {
    clearTimeout(timer);
    if (!isPaused && !document.hidden) timer = setTimeout(tick, after);
  }

  // What says why it shows nothing has nothing to refresh.
  if (!live.querySelector("[data-now]")) return;
  document.addEventListener("visibilitychange", () => later(0));
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    state.classList.toggle("wm-live-paused", isPaused);
    button.textContent = isPaused ? "Go on" : "Pause updates";
    showTime();
    later(0);
  });
  state.hidden = false;
  showTime();
  later();
})();
