//! What other systems send and take.

mod taxii;
