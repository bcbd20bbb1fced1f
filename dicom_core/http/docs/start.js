"use strict";

// Only known versions become part of an address.
const asked = new URLSearchParams(location.search).get("version");
const version = ["v2", "v1", "v1-prerelease"].includes(asked) ? asked : "v2";

SwaggerUIBundle({
  url: `/${version}/api.json`,
  dom_id: "#document",
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: null, // by default documents are sent to a public site for validation
});
