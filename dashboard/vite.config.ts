import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "/dashboard/",
  plugins: [react(), tailwindcss()],
  // Fonts and icons stay files: the policy allows this origin and no data: URLs.
  build: { assetsInlineLimit: 0, target: "es2023", chunkSizeWarningLimit: 900 },
  clearScreen: false,
});
