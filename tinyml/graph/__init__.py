"""The intermediate representation, the TFLite reader and the verifier."""
