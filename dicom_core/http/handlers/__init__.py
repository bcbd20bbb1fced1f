"""One module per feature: unpack the request, call one service, pack the answer. Errors pass through to `http.endpoint`."""
