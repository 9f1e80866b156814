"""HTTP and WebSocket: pages, signalling, WHIP and WHEP, HLS, the API, who may do what."""
