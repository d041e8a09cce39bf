/* Home cards and ?tab= links switch tabs in place; the address always names the open tab. */
(() => {
  const tabButton = (name) => document.getElementById(`tab-${name}-button`);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-tab]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const button = tabButton(link.dataset.tab);
    if (!button) return;
    event.preventDefault();
    button.click();
    window.scrollTo({ top: 0 });
  });

  /* A tab that the address asks for is opened as soon as it is there, and again where Gradio, still building a
     slow page, falls back to Home. Only the visitor's own choice of another tab ends that. */
  let wanted = new URL(window.location).searchParams.get("tab");
  if (wanted) {
    const open = () => {
      const button = tabButton(wanted);
      if (button?.getAttribute("aria-selected") === "false") button.click();
    };
    const waiting = new MutationObserver(open);
    waiting.observe(document.documentElement, {
      childList: true, subtree: true, attributeFilter: ["aria-selected"],
    });
    document.addEventListener("click", (event) => {
      if (!event.isTrusted || !event.target.closest("[role=tab], a[data-tab]")) return;
      wanted = null;
      waiting.disconnect();
    }, true);
  }

  /* Gradio nests the upload button of a filled file field in another button, which assistive technology can't
     enter: the outer one is but a frame. */
  new MutationObserver(() => {
    for (const inner of document.querySelectorAll("button.icon-button:not([role]) button.upload-container")) {
      const outer = inner.closest("button.icon-button");
      outer.setAttribute("role", "group");
      outer.tabIndex = -1;
    }
  }).observe(document.documentElement, { childList: true, subtree: true });

  window.ninePapersShowTab = (name) => {
    if (wanted && name !== wanted) return;
    const address = new URL(window.location);
    if ((address.searchParams.get("tab") ?? "home") !== name) address.hash = ""; // another tab's inputs
    if (name === "home") address.searchParams.delete("tab");
    else address.searchParams.set("tab", name);
    window.history.replaceState(null, "", address);
    tabButton(name)?.scrollIntoView({ block: "nearest", inline: "center" });
  };
})();
