# Read settings from .env, one NAME=value a line; what the environment already says is left alone.
if [ -f .env ]; then
    while IFS='=' read -r name value; do
        case "$name" in
            '' | *[!A-Z0-9_]*) continue ;;
        esac
        if ! printenv "$name" >/dev/null; then
            export "$name=$value"
        fi
    done <.env
fi
