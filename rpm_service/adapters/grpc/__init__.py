"""The gRPC side: who is let in, frames to calls, calls to frames."""
