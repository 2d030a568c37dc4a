import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  build: {
    // The server serves this folder, and says "UI not built" where it is empty.
    outDir: "../rpm_service/adapters/web/static",
    emptyOutDir: true,
    // The server's content security policy lets in nothing but its own files: no data: address.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts"],
    // How fast the machine is says nothing of the page.
    testTimeout: 60_000,
  },
});
