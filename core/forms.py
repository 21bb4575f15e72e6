"""How forms are drawn: by the templates of this project."""

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Draws forms and fields with `templates/forms/`."""

    form_template_name = "forms/form.html"
    field_template_name = "forms/field.html"
