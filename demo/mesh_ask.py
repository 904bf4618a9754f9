"""Asking the demo's processes over HTTP."""
import http.client


def http_get(ip_port, path, timeout_s=2.0):
    """Status and text of an answer; never by a proxy."""
    connection = http.client.HTTPConnection(*ip_port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    finally:
        connection.close()


def http_answers(ip_port, path):
    try:
        return http_get(ip_port, path)[0] == 200
    except (OSError, http.client.HTTPException):
        return False
