"""What every stage's tests share: the given-when-then of deciding, real servers, hand-written fakes."""
