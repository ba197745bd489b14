package localpg

import (
	"errors"
	"fmt"
	"os"
	osuser "os/user"
	"path/filepath"
	"syscall"
)

// user is who the server runs as.
type user struct {
	name     string
	uid, gid int
	drop     bool // we are root and it is not
}

// serverUser is ourselves, or for root the first of postgres and nobody. A user without an entry in the system's list
// will not do: initdb looks itself up.
func serverUser() (user, error) {
	if os.Geteuid() != 0 {
		me, err := osuser.Current()
		if err != nil {
			return user{}, fmt.Errorf("user %d has no entry in /etc/passwd, which Postgres needs: %w", os.Geteuid(), err)
		}
		return user{name: me.Username, uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := osuser.Lookup(name); err == nil {
			return user{name: name, uid: atoi(u.Uid), gid: atoi(u.Gid), drop: true}, nil
		}
	}
	return user{}, errors.New("root may not run Postgres, and this machine has neither a user postgres nor a user nobody: add one, or run as a normal user")
}

func (u user) credential() *syscall.Credential {
	if !u.drop {
		return nil
	}
	return &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.gid)}
}

// own gives a folder and what is in it to the user. What is there may belong to another one: the machine may have
// been given a user postgres since.
func (u user) own(dir string) error {
	if !u.drop {
		return nil
	}
	if info, err := os.Stat(dir); err != nil {
		return err
	} else if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) == u.uid && info.Mode().Perm() == 0o700 {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, u.uid, u.gid)
	})
}

// owns checks that a folder is the user's and nobody else's: in a temporary folder another user may have made it first.
func (u user) owns(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(st.Uid) != u.uid {
		return fmt.Errorf("%s is not a folder of user %s: remove it, or choose another place", dir, u.name)
	}
	return nil
}

// canReach checks that the user may pass through every folder down to dir; Postgres' own message names none.
func (u user) canReach(dir string) error {
	if !u.drop {
		return nil
	}
	for d := dir; ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		mode := info.Mode().Perm()
		passes := mode&0o001 != 0
		switch {
		case int(st.Uid) == u.uid:
			passes = mode&0o100 != 0
		case int(st.Gid) == u.gid:
			passes = mode&0o010 != 0
		}
		if !passes {
			return fmt.Errorf("user %s, as whom Postgres runs because you are root, may not pass through %s (mode %o): choose a folder outside of it, or chmod o+x it", u.name, d, mode)
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}
