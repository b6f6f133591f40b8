#error a project's own way to reach the hardware is not ours
