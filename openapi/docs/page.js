"use strict";

// The validator is a service elsewhere; nothing is loaded from there.
SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  showExtensions: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
});
