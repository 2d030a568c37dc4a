// Builds the made-up ward as the page on the server is built, for measurements.

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [svelte()],
  build: { rollupOptions: { input: "mock.html" }, modulePreload: false, emptyOutDir: true },
});
