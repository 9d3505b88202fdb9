"""What a person sees and presses: screens are pure functions of plain values; the console asks and waits."""
