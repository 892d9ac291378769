//! HTTP for operators: probes, metrics, status; on a thread and a runtime of its own.
