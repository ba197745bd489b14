//go:build !linux

package render

import (
	"errors"
	"os"
	"runtime/debug"
	"syscall"
)

// confine asks Go to stay within the memory limit; hard limits are Linux's.
func confine(l Limits) error {
	debug.SetMemoryLimit(l.withDefaults().MemoryBytes)
	return nil
}

// seal fails here: the filter is Linux's.
func seal() error { return errors.New("this system has no filter for system calls") }

// childAttributes adds nothing here.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

// executable is this program.
func executable() (string, error) { return os.Executable() }

// pixelFile makes an unlinked temporary file that carries pixels.
func pixelFile() (*os.File, error) {
	f, err := os.CreateTemp("", "palimpsest-pixels-")
	if err == nil {
		os.Remove(f.Name())
	}
	return f, err
}

// peakMemory is not known here.
func peakMemory(*os.ProcessState) int64 { return 0 }
