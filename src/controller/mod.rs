//! The loop: triggers, queue, passes, operations, governor, supervision.
