// SPDX-License-Identifier: Apache-2.0
// Who are you? Shown in the place of a page that may not be seen without that.
import { logIn, me } from "./api.js";
import { element } from "./dom.js";

export const title = "Log in";

export function form(done) {
  const said = element("p", { class: "reason", role: "alert", hidden: true });
  const user = element("input", { id: "user", name: "user", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = element("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true });
  const go = element("button", { type: "submit", class: "primary" }, "Log in");
  return element("form", { class: "login", onsubmit: async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await logIn(user.value, password.value);
      password.value = "";
      done();
    } catch (error) {
      said.hidden = false;
      said.textContent = error.message;
      password.select();
    }
    go.disabled = false;
  } }, element("label", { for: "user" }, "User"), user, element("label", { for: "password" }, "Password"), password, said, go,
  element("p", { class: "soft" }, "No user yet? On the server:"), element("pre", { tabindex: "0" }, "swb-server user add NAME --role=admin"));
}

export async function mount(root, parameters, page) {
  root.append(element("div", { class: "head" }, element("h1", {}, me.user ? `Logged in as ${me.user}` : title)),
    element("section", { class: "card" }, form(() => {
      if (parameters.name === "login") location.hash = "#/";
      else page.again();
    })));
}
