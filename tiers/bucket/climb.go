package bucket

import "strings"

// climb lists what comes after a key for services that may leave keys out, which
// MinIO does. There, a list that is to start within directory a counts against its
// limit what lies in a-b, which comes before, and may end with the claim that there
// is nothing more. But where the key to start after lies in no directory below the
// prefix, the list is right. So we list the rest of that key's directory, and then
// that of each directory above, up to the prefix.
//
// It costs some requests for a page. The tokens that MinIO gives to go on would do
// without, but only as long as its process remembers the list.
func climb(prefix, after string, limit int, list func(prefix, after string, limit int) ([]string, bool, error)) (keys []string, more bool, err error) {
	for {
		dir := prefix
		if i := strings.LastIndexByte(after, '/') + 1; i > len(prefix) {
			dir = after[:i]
		}
		page, more, err := list(dir, after, limit)
		if err != nil {
			return nil, false, err
		}
		keys = append(keys, page...)
		switch {
		case more, dir == prefix:
			return keys, more, nil
		case limit > 0 && len(keys) >= limit:
			return keys, true, nil
		}
		after = strings.TrimSuffix(dir, "/") + behindSlash
	}
}

// behindSlash is the byte that follows the slash: what begins with a directory's name
// and this comes after all that lies in the directory.
const behindSlash = "0"
