//go:build !linux

package engine

import "time"

// What a process uses is only asked on Linux; 0 means that nothing is known.

func processorUse() time.Duration { return 0 }
func resetPeak() int64            { return 0 }
func peakMemory() int64           { return 0 }
