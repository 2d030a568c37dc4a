import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  build: {
    // The server serves this folder, and says "UI not built" where it is empty.
    outDir: "../rpm_service/adapters/web/static",
    emptyOutDir: true,
    // The page runs under `default-src 'self'`: nothing may become a data: address.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
  preview: {
    headers: { "Content-Security-Policy": "default-src 'self'" },
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts"],
  },
});
