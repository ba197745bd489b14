package engine

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// processorUse is what the process has used of all processors; 0 where the system does not say.
func processorUse() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resetPeak gives unused memory back, lets the peak begin anew, and returns what is in use.
func resetPeak() int64 {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600) // without it the peak is that of the whole process, which is more
	return statusLine("VmRSS:")
}

// peakMemory is the most memory in use since resetPeak; 0 where the system does not say.
func peakMemory() int64 { return statusLine("VmHWM:") }

// statusLine is a size in /proc/self/status, in bytes.
func statusLine(name string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int64
		if rest, ok := strings.CutPrefix(line, name); ok {
			if _, err := fmt.Sscanf(rest, "%d kB", &kilobytes); err == nil {
				return kilobytes << 10
			}
		}
	}
	return 0
}
