// The preview of the desk's form: asked for a moment after the last change; without this script the button does the same.
"use strict";
(() => {
  const form = document.querySelector("form[data-preview]");
  const place = document.getElementById("preview");
  let waiting = 0, asked = 0;
  async function show() {
    const mine = ++asked;
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form), headers: { Accept: "text/html" } });
      if (mine === asked && answer.ok && !answer.redirected) place.innerHTML = await answer.text();
    } catch {
      // the next change asks again
    }
    if (mine === asked) place.removeAttribute("aria-busy");
  }
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 600);
  });
})();
