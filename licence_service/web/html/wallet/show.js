// The show code: asked for anew at half its life, counted down in seconds that the server says, covered when it is over. Without this script
// the page still shows one code, which covers itself, and a button for the next.
"use strict";
(() => {
  const place = document.getElementById("show");
  const part = (name) => place.querySelector(`[data-part="${name}"]`);
  const [svg, path, left, ring, clock] = ["svg", "path", "left", "ring", "clock"].map(part);
  const form = document.getElementById("again");
  const HOUR = 3600000, AWAY = 8 * HOUR; // Beijing

  // When something was, on two clocks of this phone: one stands still while it sleeps, the other may be put back by hand. More time has passed
  // on the one that says more; neither is ever compared with the server's.
  const moment = (at = performance.now()) => ({ steady: at, wall: Date.now() - (performance.now() - at) });
  const since = (one) => Math.max(performance.now() - one.steady, Date.now() - one.wall);

  const asked = performance.getEntriesByType("navigation")[0];
  let code = {
    at: moment(asked ? asked.requestStart : undefined), now: Number(place.dataset.now), life: Number(place.dataset.life) * 1000,
    refresh: Number(place.dataset.refreshIn) * 1000, expires: Number(place.dataset.expiresIn) * 1000,
  };
  let due = code.refresh, asking = false, failures = 0, back = false, lock = null;

  function tick() {
    const gone = since(code.at), over = gone >= code.expires;
    left.textContent = String(Math.max(0, Math.ceil((code.expires - gone) / 1000)));
    ring.setAttribute("stroke-dashoffset", String(Math.min(1, Math.max(0, 1 - (code.expires - gone) / code.life))));
    clock.textContent = new Date(code.now + gone + AWAY).toISOString().slice(11, 19);
    if (over) path.setAttribute("d", "");
    say(over ? "over" : failures ? "offline" : "living");
    if (gone >= due && !asking && !document.hidden) ask("?by-itself");
  }

  function say(standing) {
    if (place.dataset.standing === standing) return;
    place.dataset.standing = standing;
    for (const one of place.querySelectorAll("[data-when]")) one.hidden = !one.dataset.when.split(" ").includes(standing);
  }

  async function ask(how) {
    if (asking) return;
    asking = true;
    const sent = moment();
    try {
      const answer = await fetch(place.dataset.address + how, {
        method: "POST", body: new URLSearchParams({ audience: place.dataset.audience, form_key: place.dataset.formKey }), headers: { Accept: "application/json" },
        redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(8000),
      });
      if (answer.type === "opaqueredirect" || [401, 403, 404, 409].includes(answer.status)) return again();
      if (!answer.ok) throw new Error(String(answer.status));
      take(await answer.json(), sent);
    } catch {
      failures += 1;
      due = since(code.at) + (back ? 0 : Math.min(15000, 2000 * failures));
      back = false;
    }
    asking = false;
    tick();
  }

  // Signed out, reported lost, suspended, given back: the server's page says it in full.
  function again() {
    path.setAttribute("d", "");
    location.reload();
  }

  function take(said, sent) {
    if (said.state.code !== place.dataset.state) return again();
    code = { at: sent, now: said.now, life: said.life * 1000, refresh: said.refresh_in * 1000, expires: said.expires_in * 1000 };
    due = code.refresh;
    failures = 0;
    svg.setAttribute("viewBox", `0 0 ${said.side} ${said.side}`);
    path.setAttribute("d", said.path);
    place.dataset.madeAt = said.made_at;
  }

  async function stayAwake() {
    if (!navigator.wakeLock || document.hidden || (lock && !lock.released)) return;
    try {
      lock = await navigator.wakeLock.request("screen");
    } catch {
      lock = null; // the battery is low, or the browser does not want to
    }
  }

  // Looked at again, or the network is back: ask at once, or as soon as what is under way has failed.
  function seen() {
    if (document.hidden) return;
    stayAwake();
    tick();
    if (!failures) return;
    back = asking;
    ask("?by-itself");
  }

  for (const one of place.querySelectorAll("set, animate")) one.remove(); // from here on this script counts
  for (const one of place.querySelectorAll(".with-script, .without-script")) one.hidden = one.className === "without-script";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask("");
  });
  document.addEventListener("visibilitychange", seen);
  window.addEventListener("pageshow", seen);
  window.addEventListener("online", seen);
  setInterval(tick, 250);
  tick();
})();
