// SPDX-License-Identifier: Apache-2.0
// Light or dark by hand, and the list of pages on a phone. All else works without this.
const root = document.documentElement;
root.classList.add("js");

function stored() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // a file:// page may have no storage
  }
}

if (stored()) root.dataset.theme = stored();

addEventListener("DOMContentLoaded", () => {
  document.getElementById("light").addEventListener("click", () => {
    const isDark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // for this page only, then
    }
  });
  const menu = document.getElementById("menu");
  menu.addEventListener("click", () => {
    const isOpen = document.getElementById("nav").classList.toggle("open");
    menu.setAttribute("aria-expanded", isOpen);
  });
});
