#pragma once
/*
 * A loop's thread waits most of the time and has little to do when it is woken, while workers keep
 * every processor busy. Linux lets a thread that is running have its slice, some
 * milliseconds, unless the one that is woken has asked for shorter slices (since 6.12). So it asks:
 * it gets no more time by that, only sooner.
 */
/* Of the calling thread. Kernels that do not know it, or forbid it, leave all as it is. */
void prompt_thread(void);
