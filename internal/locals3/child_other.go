//go:build !linux

package locals3

import "syscall"

// childAttr is nothing special: the server ends when its standard input does.
func childAttr() *syscall.SysProcAttr { return nil }

// hasXattr is no: sidecar files work everywhere.
func hasXattr(string) bool { return false }
