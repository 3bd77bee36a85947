"""The tree: grown, signed, carried outside, cosigned, rotated, and refused where it does not match the journal."""
